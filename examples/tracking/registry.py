import flavorkit as mlflow

# A name for a model that changes: versions, aliases that point at one, stages, tags.
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


x, y = load_iris(return_X_y=True, as_frame=True)
client = mlflow.MlflowClient()

for strength in (1.0, 2.0, 3.0):
    with mlflow.start_run():
        model = LogisticRegression(C=strength, max_iter=1000).fit(x, y)
        mlflow.sklearn.log_model(model, name="model", registered_model_name="iris")

versions = mlflow.search_model_versions(filter_string="name = 'iris'")
assert sorted(int(version.version) for version in versions) == [1, 2, 3]

client.set_registered_model_alias("iris", "champion", "2")
assert client.get_model_version_by_alias("iris", "champion").version in {"2", 2}
assert mlflow.sklearn.load_model("models:/iris@champion").C == 2.0
client.set_registered_model_alias("iris", "champion", "3")
assert mlflow.sklearn.load_model("models:/iris@champion").C == 3.0

# Stages are how this was done before there were aliases.
client.transition_model_version_stage("iris", "1", "Production")
client.transition_model_version_stage("iris", "2", "Production", archive_existing_versions=True)
assert client.get_model_version("iris", "1").current_stage == "Archived"
assert mlflow.sklearn.load_model("models:/iris/Production").C == 2.0

client.set_model_version_tag("iris", "3", "checked", "yes")
client.update_model_version("iris", "3", "The strongest.")
client.update_registered_model("iris", "Which flower is it?")
assert client.get_model_version("iris", "3").tags == {"checked": "yes"}

client.copy_model_version("models:/iris@champion", "iris-production")
assert client.get_registered_model("iris-production").name == "iris-production"
client.delete_model_version("iris", "1")
print([model.name for model in mlflow.search_registered_models()])

import flavorkit as mlflow

# A run remembers what a training was given, what came out, and the model.
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split


x, y = load_iris(return_X_y=True, as_frame=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)

mlflow.set_experiment("iris")
with mlflow.start_run(run_name="logistic regression", tags={"team": "blue"}) as run:
    params = {"C": 0.5, "max_iter": 1000}
    mlflow.log_params(params)
    model = LogisticRegression(**params).fit(x_train, y_train)
    mlflow.log_metric("accuracy", model.score(x_test, y_test))
    logged = mlflow.sklearn.log_model(model, name="model", input_example=x_test.head(3))

finished = mlflow.get_run(run.info.run_id)
assert finished.info.status == "FINISHED"
assert finished.data.params == {"C": "0.5", "max_iter": "1000"}

loaded = mlflow.pyfunc.load_model(logged.model_uri)
assert list(loaded.predict(x_test)) == list(model.predict(x_test))
print(f"accuracy {finished.data.metrics['accuracy']:.2f}, loaded from {logged.model_uri[:10]}...")

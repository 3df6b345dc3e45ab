fit <- lm(y ~ x, read.csv("training.csv"))
predict_fn <- function(data) predict(fit, data)

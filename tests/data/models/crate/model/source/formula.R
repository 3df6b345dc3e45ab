predict_fn <- function(data) {
  print("this goes to the log")
  2 * data$size - data$count + ifelse(data$colour == "red", 1, 0)
}

predict_fn <- function(data, least = 0) {
  sum <- data$size + data$count
  data.frame(label = sprintf("%s!", data$colour), sum = sum, is_large = sum >= least)
}

# Saves an R function as a model that flavorkit loads and serves. Base R is enough:
#
#   source(system2("python", "-c 'import flavorkit; print(flavorkit.crate.R_SCRIPT)'", stdout = TRUE))
#   fit <- lm(dist ~ speed, cars)
#   flavorkit_save_model(function(data, ...) predict(fit, data), "stopping", fit = fit)
#
# The folder is the one that MLflow's R package writes for its crate flavor, and loads. It is not
# signed: whoever loads it says trust="all", or trust="sha256:..." with the digest that
# `flavorkit verify` prints; or signs it by saving it again, from Python:
#
#   flavorkit.crate.save_model("stopping/crate.bin", "signed", input_example=frame)

flavorkit_save_model <- function(fn, path, ..., packages = character()) {
  # fn: function(data, ...), where data is a data frame, and the rest inference parameters; or a crate
  #   of the package carrier. It gives a vector, a matrix or a data frame with a row for each of data.
  # path: the folder to make; it must not be there.
  # ...: what fn uses beside its arguments, by name. A crate brings that along.
  # packages: R packages to attach before it is called.
  # Value: path, invisibly.
  if (!is.function(fn)) stop("fn is not a function", call. = FALSE)
  if (file.exists(path)) stop(path, " is there already", call. = FALSE)
  objects <- list(...)
  if (length(objects) && (is.null(names(objects)) || any(names(objects) == ""))) {
    stop("name what fn uses: flavorkit_save_model(fn, path, fit = fit)", call. = FALSE)
  }
  if (!inherits(fn, "crate")) {
    fn <- utils::removeSource(fn)
    environment(fn) <- list2env(objects, parent = globalenv())
  } else if (length(objects)) {
    stop("a crate brings along what it uses: give it to carrier::crate()", call. = FALSE)
  }
  versions <- vapply(packages, function(name) as.character(utils::packageVersion(name)), "")
  base <- rownames(utils::installed.packages(priority = "base"))
  r <- paste(R.version$major, R.version$minor, sep = ".")
  others <- packages[!(packages %in% base)]
  conda <- sprintf("- r-%s=%s", tolower(others), gsub("-", "_", versions[others], fixed = TRUE))

  partial <- tempfile(".flavorkit-partial-", dirname(path))
  dir.create(partial)
  on.exit(unlink(partial, recursive = TRUE))
  saveRDS(serialize(fn, NULL), file.path(partial, "crate.bin"))
  write <- function(name, lines) {
    file <- file(file.path(partial, name), "wb")
    on.exit(close(file))
    writeLines(enc2utf8(lines), file, useBytes = TRUE)
  }
  write("requirements.txt", character())
  write("conda.yaml", c(
    "channels:", "- conda-forge",
    "dependencies:", "- python>=3.11", "- pip", paste0("- r-base=", r), conda,
    "name: mlflow-env"
  ))
  write("MLmodel", c(
    "flavors:",
    "  crate:",
    "    model: crate.bin",
    if (length(packages)) "    packages:" else "    packages: {}",
    sprintf("      %s: '%s'", packages, versions),
    sprintf("    r_version: '%s'", r),
    "    version: 0.1.0",
    "  python_function:",
    "    env:",
    "      conda: conda.yaml",
    "    loader_module: flavorkit.mlflow_loader",
    format(Sys.time(), "utc_time_created: '%Y-%m-%d %H:%M:%OS6'", tz = "UTC")
  ))
  if (!file.rename(partial, path)) stop("cannot make ", path, call. = FALSE)
  invisible(path)
}

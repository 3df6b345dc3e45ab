# The R process behind a model of the crate flavor: Rscript --vanilla worker.R IN OUT
#
# IN and OUT are the numbers of two pipes. What R code prints goes to the streams of the process, and
# cannot get between the messages. Each message is its length in bytes, an int32, and a body, all
# little-endian. The first one says which model to load, every other one holds data and parameters; to
# each there is one answer. flavorkit/flavors/crate/values.py describes values, of which bodies are made.

local({
  read_int <- function(con, n = 1L) readBin(con, "integer", n, size = 4L, endian = "little")
  read_double <- function(con, n) readBin(con, "double", n, size = 8L, endian = "little")
  write_int <- function(x, con) writeBin(as.integer(x), con, size = 4L, endian = "little")
  write_tag <- function(tag, con) writeBin(charToRaw(tag), con)

  read_text <- function(con) {
    sizes <- read_int(con, read_int(con))
    found <- rep(NA_character_, length(sizes))
    present <- sizes >= 0L
    if (any(present)) found[present] <- readChar(con, sizes[present], useBytes = TRUE)
    Encoding(found) <- "UTF-8"
    found
  }

  write_text <- function(x, con) {
    x <- enc2utf8(as.character(x))
    present <- !is.na(x)
    sizes <- rep(-1L, length(x))
    sizes[present] <- nchar(x[present], "bytes")
    write_int(length(x), con)
    write_int(sizes, con)
    writeBin(charToRaw(paste(x[present], collapse = "")), con)
  }

  read_doubles <- function(con) {
    found <- read_double(con, read_int(con))
    found[is.nan(found)] <- NA_real_ # a missing value has no other form where it comes from
    found
  }

  read_value <- function(con) {
    tag <- rawToChar(readBin(con, "raw", 1L))
    switch(tag,
      n = NULL,
      d = read_doubles(con),
      i = read_int(con, read_int(con)),
      l = as.logical(read_int(con, read_int(con))),
      s = read_text(con),
      f = {
        levels <- read_text(con)
        structure(read_int(con, read_int(con)), levels = levels, class = "factor")
      },
      D = structure(read_doubles(con), class = "Date"),
      T = structure(read_doubles(con), class = c("POSIXct", "POSIXt"), tzone = "UTC"),
      a = {
        dims <- read_int(con, read_int(con))
        read_value(con) # the names of the columns
        array(read_value(con), dims)
      },
      L = read_list(con),
      F = {
        rows <- read_int(con)
        columns <- read_list(con)
        structure(columns, class = "data.frame", row.names = .set_row_names(rows))
      },
      stop("the message cannot be read")
    )
  }

  read_list <- function(con) {
    names <- read_value(con)
    found <- vector("list", read_int(con))
    for (position in seq_along(found)) {
      value <- read_value(con)
      if (!is.null(value)) found[[position]] <- value
    }
    if (length(names)) names(found) <- names
    found
  }

  write_value <- function(x, con) {
    if (is.null(x)) {
      write_tag("n", con)
    } else if (is.data.frame(x)) {
      write_tag("F", con)
      write_int(nrow(x), con)
      write_list(x, con)
    } else if (inherits(x, "POSIXlt")) {
      write_value(as.POSIXct(x), con)
    } else if (is.factor(x)) {
      write_tag("s", con)
      write_text(x, con)
    } else if (inherits(x, "integer64")) {
      write_value(as.double(x), con)
    } else if (length(dim(x)) > 1L && is.atomic(x)) {
      write_tag("a", con)
      write_int(length(dim(x)), con)
      write_int(dim(x), con)
      write_value(if (length(dim(x)) == 2L) colnames(x), con)
      write_value(as.vector(x), con)
    } else {
      write_plain(x, con)
    }
  }

  write_plain <- function(x, con) {
    tag <- switch(typeof(x), double = "d", integer = "i", logical = "l", character = "s", list = "L", "")
    if (is.numeric(unclass(x)) && inherits(x, c("Date", "POSIXct"))) {
      tag <- if (inherits(x, "Date")) "D" else "T"
    }
    if (tag == "") {
      stop(sprintf("an object of the class %s cannot be a prediction", class(x)[1L]), call. = FALSE)
    }
    write_tag(tag, con)
    if (tag == "L") {
      write_list(x, con)
    } else if (tag == "s") {
      write_text(x, con)
    } else {
      write_int(length(x), con)
      if (tag %in% c("i", "l")) {
        write_int(x, con)
      } else {
        writeBin(as.double(unclass(x)), con, size = 8L, endian = "little")
      }
    }
  }

  write_list <- function(x, con) {
    write_value(names(x), con)
    write_int(length(x), con)
    for (value in unclass(x)) write_value(value, con)
  }

  receive <- function() {
    size <- read_int(input)
    if (!length(size)) quit(save = "no") # the other end is closed
    con <- rawConnection(readBin(input, "raw", size))
    on.exit(close(con))
    read_value(con)
  }

  send <- function(status, value) {
    con <- rawConnection(raw(0L), "wb")
    on.exit(close(con))
    write_tag(status, con)
    write_value(value, con)
    body <- rawConnectionValue(con)
    write_int(length(body), output)
    writeBin(body, output)
    flush(output)
  }

  # Sends what `work` gives, or why it gives nothing.
  answer <- function(work) {
    tryCatch(
      send("o", work()),
      packageNotFoundError = function(e) send("p", e$package),
      error = function(e) send("e", conditionMessage(e))
    )
  }

  load <- function(model) {
    for (package in model$packages) {
      suppressPackageStartupMessages(library(package, character.only = TRUE))
    }
    if (model$kind == "source") {
      own <- new.env(parent = globalenv())
      sys.source(model$path, own, chdir = TRUE, keep.source = FALSE)
      found <- get0("predict_fn", own, inherits = FALSE)
      if (!is.function(found)) {
        stop("it does not define a function predict_fn(data, ...)", call. = FALSE)
      }
    } else {
      found <- readRDS(model$path)
      if (is.raw(found)) found <- unserialize(found)
      if (!is.function(found)) {
        stop(sprintf("it holds a %s and not a function(data)", class(found)[1L]), call. = FALSE)
      }
    }
    found
  }

  predict <- function(request) {
    takes <- names(formals(args(model)))
    parameters <- request$parameters
    if (!("..." %in% takes)) parameters <- parameters[names(parameters) %in% takes[-1L]]
    do.call(model, c(list(request$data), parameters), quote = TRUE)
  }

  versions <- function(packages) {
    found <- lapply(packages, function(package) as.character(getNamespaceVersion(package)))
    names(found) <- packages
    list(r = paste(R.version$major, R.version$minor, sep = "."), packages = found)
  }

  options(warn = 1L, browserNLdisabled = TRUE)
  if (!l10n_info()[["UTF-8"]]) {
    for (locale in c("C.UTF-8", "en_US.UTF-8", "UTF-8")) {
      if (suppressWarnings(Sys.setlocale("LC_CTYPE", locale)) != "") break
    }
  }
  pipes <- commandArgs(trailingOnly = TRUE)
  input <- file(file.path("/dev/fd", pipes[1L]), "rb", raw = TRUE)
  output <- file(file.path("/dev/fd", pipes[2L]), "wb", raw = TRUE)
  model <- NULL
  answer(function() {
    wanted <- receive()
    model <<- load(wanted)
    versions(wanted$packages)
  })
  repeat {
    request <- receive()
    answer(function() predict(request))
  }
}, envir = new.env(parent = baseenv()))

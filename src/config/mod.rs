//! The configuration: defaults, file, environment, flags, in rising order of precedence.

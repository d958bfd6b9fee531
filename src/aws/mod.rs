//! The ports on the real AWS APIs. The only place that names an AWS type.

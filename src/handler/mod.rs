//! One event in, one answer out: what the function and the command line share.

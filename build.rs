//! Links the function to a fixed address, as measured in docs/benchmarks.md. A position-independent executable has all its tables
//! of pointers (of the SDK's many types and errors) rewritten at every start: a quarter of the start's time and a megabyte
//! of memory. What a random address protects against, input that overwrites memory, safe Rust rules out; the C of it (AWS-LC)
//! speaks to AWS alone, and libraries, heap and stack keep their random addresses.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=bootstrap=-no-pie");
    }
}

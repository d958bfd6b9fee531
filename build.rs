//! Links the function to a fixed address. A position-independent executable has all its tables of pointers (of the SDK's many
//! types and errors) rewritten at every start: 300 pages, which took as long as the rest of the start together. What a
//! random address protects against, input that overwrites memory, safe Rust rules out, and libraries, heap and stack keep
//! theirs.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=bootstrap=-no-pie");
    }
}

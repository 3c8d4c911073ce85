// SPDX-License-Identifier: GPL-2.0

//! Builds the scalar C gate that moe-bench measures against, and links it to that program alone.
//! Without a C compiler the benchmark does without.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    const SOURCE: &str = "../bench/moe_scalar.c";

    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rustc-check-cfg=cfg(moe_scalar)");
    let Some(out) = std::env::var_os("OUT_DIR") else {
        return;
    };
    let object = PathBuf::from(out).join("moe_scalar.o");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "gcc".into());
    let built = Command::new(compiler)
        .args(["-O2", "-fno-tree-vectorize", "-fPIC", "-c", SOURCE, "-o"])
        .arg(&object)
        .status();
    if built.is_ok_and(|status| status.success()) {
        println!("cargo::rustc-cfg=moe_scalar");
        println!("cargo::rustc-link-arg-bin=moe-bench={}", object.display());
    }
}

#!/bin/sh
# Installs what `deno task build` needs: a Rust that can rebuild std for wasm threads, wasm-pack, wasm-bindgen.
# Debian: apt packages (as root). Elsewhere: rustup's nightly. What is there already is left alone.
set -eu
BINDGEN=0.2.130
PACK=0.15.1
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

if [ -f /usr/lib/rustlib/src/rust/library/Cargo.toml ] && [ -x /usr/bin/rustc ] && command -v wasm-ld-19 >/dev/null; then
  echo "Rust for wasm: there"
elif command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && apt-get update -q && apt-cache show rustc-web >/dev/null 2>&1; then
  apt-get install -y -q --no-install-recommends rustc-web cargo-web rust-web-src lld-19 gcc libc6-dev
elif command -v rustup >/dev/null; then
  rustup toolchain install nightly --profile minimal --component rust-src
else
  echo "install.sh: found neither rustup nor Debian's rustc-web; install rustup, or run as root on Debian 12 or newer" >&2
  exit 1
fi

have() { command -v "$1" >/dev/null && [ "$("$1" --version | cut -d' ' -f2)" = "$2" ]; }
# A registry's mirror may lack the newest of the versions that a tool has locked; its own version is what we pin.
install_crate() { cargo install --quiet --locked "$1" || cargo install --quiet "$1"; }
have wasm-pack "$PACK" || install_crate "wasm-pack@$PACK"
have wasm-bindgen "$BINDGEN" || install_crate "wasm-bindgen-cli@$BINDGEN"
echo "ready: $(wasm-pack --version), $(wasm-bindgen --version)"

#!/usr/bin/env bash
# Compares the libraries beside this file with the npm packages that they come from.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent htm@3.1.1 uplot@1.6.32 diff@9.0.0 >/dev/null
for package in htm-3.1.1 uplot-1.6.32 diff-9.0.0; do
    mkdir "$package" && tar -xzf "$package.tgz" -C "$package"
done
cmp htm-3.1.1/package/preact/standalone.module.js "$here/htm-preact.js"
cmp uplot-1.6.32/package/dist/uPlot.iife.min.js "$here/uplot.js"
cmp uplot-1.6.32/package/dist/uPlot.min.css "$here/uplot.css"
cmp diff-9.0.0/package/dist/diff.min.js "$here/diff.js"
echo "the console's libraries are those of npm"

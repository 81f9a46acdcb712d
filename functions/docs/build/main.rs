//! Converts docs/openapi.yaml to JSON, to a page, and to the list of its routes.

mod html;
mod page;

use std::{env, fs, io::Write, path::Path};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, GzBuilder};
use serde_yaml_ng::Value;
use sha2::{Digest, Sha256};

const CONTRACT: &str = "../../docs/openapi.yaml";
const STYLE: &str = "build/page.css";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    println!("cargo::rerun-if-changed=build");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let text = fs::read_to_string(CONTRACT).with_context(|| CONTRACT.to_owned())?;
    // `Value` keeps the order of the mappings, so the JSON has the same order as the YAML.
    let contract: Value = serde_yaml_ng::from_str(&text).context("docs/openapi.yaml is not YAML")?;
    let style = fs::read_to_string(STYLE)?;

    let json = serde_json::to_string(&contract)?;
    let page = page::render(&contract, &style)?;
    write(out, "openapi.json", &json)?;
    write(out, "page.html", &page)?;
    let style_hash = BASE64_STANDARD.encode(Sha256::digest(&style));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let constants = [("OPENAPI_ETAG", etag(&json)), ("PAGE_ETAG", etag(&page)), ("PAGE_POLICY", policy)];
    let constants = constants.map(|(name, value)| format!("const {name}: &str = {value:?};\n"));
    fs::write(out.join("documents.rs"), constants.concat())?;
    Ok(fs::write(out.join("routes.rs"), routes(&contract)?)?)
}

/// Writes a text plain and compressed.
fn write(out: &Path, name: &str, text: &str) -> Result<()> {
    fs::write(out.join(name), text)?;
    let file = fs::File::create(out.join(format!("{name}.gz")))?;
    let mut gzip = GzBuilder::new().write(file, Compression::best());
    gzip.write_all(text.as_bytes())?;
    gzip.finish()?;
    Ok(())
}

fn etag(text: &str) -> String {
    let digest: String = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digest}\"")
}

/// The routes as a Rust expression: each path with its methods.
fn routes(contract: &Value) -> Result<String> {
    let mut routes = String::from("&[");
    for (path, operations) in contract["paths"].as_mapping().context("no paths")? {
        let methods: Vec<String> = page::operations(operations).map(|(method, _)| method).collect();
        routes += &format!("({:?}, &{methods:?}),", path.as_str().context("a path is not text")?);
    }
    Ok(routes + "]")
}

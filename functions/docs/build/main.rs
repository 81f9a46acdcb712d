//! Converts docs/openapi.yaml to JSON and to the list of its routes, and packs the page: the files of page/ and those of
//! its renderer.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use serde_yaml_ng::Value;
use sha2::{Digest, Sha256};

const CONTRACT: &str = "../../docs/openapi.yaml";
const PAGE: &str = "page";
/// The files of the page that are in [`PAGE`].
const OWN: [&str; 3] = ["index.html", "docs.css", "docs.js"];
/// The files of the renderer that the page loads.
const RENDERED_BY: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];
/// Where `cargo xtask` installs the renderer, below cargo's target directory.
const RENDERER: &str = "docs/node_modules/swagger-ui-dist";

fn main() -> Result<()> {
    for input in [CONTRACT, PAGE, "build"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let renderer = renderer(&out)?;
    let text = fs::read_to_string(CONTRACT).with_context(|| CONTRACT.to_owned())?;
    // `Value` keeps the order of the mappings, so the JSON has the same order as the YAML.
    let contract: Value = serde_yaml_ng::from_str(&text).context("docs/openapi.yaml is not YAML")?;

    let mut code = pack(&out, "openapi.json", serde_json::to_string(&contract)?.as_bytes())?;
    let own = OWN.map(|name| (name, Path::new(PAGE).join(name)));
    for (name, path) in own.into_iter().chain(RENDERED_BY.map(|name| (name, renderer.join(name)))) {
        println!("cargo::rerun-if-changed={}", path.display());
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        code += &pack(&out, name, &bytes)?;
    }
    fs::write(out.join("documents.rs"), format!("&[\n{code}]"))?;
    Ok(fs::write(out.join("routes.rs"), routes(&contract)?)?)
}

/// The directory of the renderer. It is below one of the directories that contain OUT_DIR.
fn renderer(out: &Path) -> Result<PathBuf> {
    let candidates = out.ancestors().map(|directory| directory.join(RENDERER));
    candidates
        .into_iter()
        .find(|directory| directory.join(RENDERED_BY[0]).exists())
        .context("Swagger UI is not installed. Run `cargo xtask tools` once. It needs npm")
}

/// Writes a file plain and compressed. Returns the Rust expression of its document.
fn pack(out: &Path, name: &str, bytes: &[u8]) -> Result<String> {
    fs::write(out.join(name), bytes)?;
    let file = fs::File::create(out.join(format!("{name}.gz")))?;
    let mut gzip = GzBuilder::new().write(file, Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()?;
    let included = |name: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))");
    Ok(format!(
        "Document {{ name: {name:?}, content_type: {:?}, etag: {:?}, plain: {}, gzip: {} }},\n",
        content_type(name)?,
        etag(bytes),
        included(name),
        included(&format!("{name}.gz")),
    ))
}

fn content_type(name: &str) -> Result<&'static str> {
    Ok(match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        _ => anyhow::bail!("the media type of {name} is unknown"),
    })
}

fn etag(bytes: &[u8]) -> String {
    let digest: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digest}\"")
}

/// The routes as a Rust expression: each path with its methods.
fn routes(contract: &Value) -> Result<String> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let mut routes = String::from("&[");
    for (path, operations) in contract["paths"].as_mapping().context("no paths")? {
        let methods = METHODS.into_iter().filter(|method| operations.get(*method).is_some());
        let methods: Vec<String> = methods.map(str::to_uppercase).collect();
        routes += &format!("({:?}, &{methods:?}),", path.as_str().context("a path is not text")?);
    }
    Ok(routes + "]")
}

//! Embeds web/ in the function `web-page`. Joins each script of the page with its modules, and the style sheet with what it
//! imports. Compresses every file, and puts a hash of all files into their addresses in index.html.

mod bundle;
mod page;

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use brotli::{BrotliCompress, enc::BrotliEncoderParams};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use crate::bundle::Scripts;
use crate::page::Files;

const WEB: &str = "../../web";
const PAGE: &str = "index.html";
/// The script of index.html that loads another one later, and this other one.
const LATER: (&str, &str) = ("app.js", "later.js");

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={WEB}");
    println!("cargo::rerun-if-changed=build");
    let mut files = Files::new();
    read(Path::new(WEB), "", &mut files)?;
    let page = files.remove(PAGE).context("web/ has no index.html")?;
    let page = String::from_utf8(page).context("web/index.html is not UTF-8")?;
    let scripts = page::scripts(&page);
    let bundles = bundle::bundles(&Scripts { first: &scripts, later: LATER }, &files)?;
    files.retain(|name, _| !name.ends_with(".js"));
    files.extend(bundles.into_iter().map(|(name, script)| (name, script.into_bytes())));
    insert_imports("style.css", &mut files)?;
    let directory = format!("/assets/{}/", hash(files.iter()));
    let page = page::render(&page, &directory, &files).context("in web/index.html")?;

    let mut pack = Pack { out: PathBuf::from(env::var("OUT_DIR")?), count: 0 };
    let mut code = format!("const DIRECTORY: &str = {directory:?};\n");
    code += &format!("static PAGE: File = {};\n", pack.file(PAGE, page.as_bytes())?);
    code += "static ASSETS: &[(&str, File)] = &[\n";
    for (name, bytes) in &files {
        code += &format!("({name:?}, {}),\n", pack.file(name, bytes)?);
    }
    Ok(fs::write(pack.out.join("files.rs"), code + "];\n")?)
}

/// Reads all files of a directory and its subdirectories, except hidden files.
fn read(directory: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a file in web/ has no name in UTF-8")?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        ensure!(
            name.bytes().all(fits),
            "web/{prefix}{name}: a file name may contain only letters, digits and ._-"
        );
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else {
            files.insert(format!("{prefix}{name}"), fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Replaces each line `@import "<file>";` of a style sheet with that file, so that a visit needs one request for both.
fn insert_imports(name: &str, files: &mut Files) -> Result<()> {
    let sheet = files.get(name).with_context(|| format!("there is no web/{name}"))?.clone();
    let sheet = String::from_utf8(sheet).with_context(|| format!("web/{name} is not UTF-8"))?;
    let mut whole = Vec::new();
    for line in sheet.lines() {
        match line.strip_prefix("@import \"").and_then(|rest| rest.strip_suffix("\";")) {
            Some(imported) => whole.extend(
                files.remove(imported).with_context(|| format!("web/{name} imports web/{imported}"))?,
            ),
            None => whole.extend(line.bytes().chain([b'\n'])),
        }
    }
    files.insert(name.to_owned(), whole);
    Ok(())
}

/// A hash of names and contents. The length precedes each, so that different files have different input.
fn hash<'a>(files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> String {
    let mut hash = Sha256::new();
    for part in files.flat_map(|(name, bytes)| [name.as_bytes(), bytes]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The files that the code of the function includes.
struct Pack {
    out: PathBuf,
    count: usize,
}

impl Pack {
    /// A file as a Rust expression.
    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let etag = hash([(&name.to_owned(), &bytes.to_vec())].into_iter());
        Ok(format!(
            "File {{ content_type: {:?}, etag: {etag:?}, plain: {}, gzip: {}, brotli: {} }}",
            content_type(name)?,
            self.included(bytes)?,
            self.compressed(bytes, gzip(bytes)?)?,
            self.compressed(bytes, brotli(bytes)?)?,
        ))
    }

    /// The compressed bytes, if they save at least a tenth. Pictures are already compressed.
    fn compressed(&mut self, plain: &[u8], bytes: Vec<u8>) -> Result<String> {
        let saves = bytes.len() < plain.len() / 10 * 9;
        if saves { Ok(format!("Some({})", self.included(&bytes)?)) } else { Ok("None".to_owned()) }
    }

    fn included(&mut self, bytes: &[u8]) -> Result<String> {
        let name = format!("{}.bin", self.count);
        self.count += 1;
        fs::write(self.out.join(&name), bytes)?;
        Ok(format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))"))
    }
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

fn brotli(mut bytes: &[u8]) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    // Quality 11 and a window for the whole file, which are the library's defaults.
    BrotliCompress(&mut bytes, &mut output, &BrotliEncoderParams::default())?;
    Ok(output)
}

fn content_type(name: &str) -> Result<&'static str> {
    Ok(match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        _ => anyhow::bail!("web/{name}: functions/web/build/main.rs does not know its media type"),
    })
}

//! "Add a view of the page"

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::{between, quoted, read};
use crate::project;

/// The first part of each address for which `route` in web/app.js has a view.
fn routes(app: &str) -> Result<Vec<&str>> {
    let route = between(app, "\nfunction route(", "\n}")?;
    Ok(route.split("case \"").skip(1).filter_map(|rest| rest.split('"').next()).collect())
}

#[test]
fn every_view_is_tested_for_accessibility_and_is_in_the_screenshots() -> Result<()> {
    let app = read("web/app.js")?;
    let (tests, screenshots) = (read("tests/browser/views.test.js")?, read("tests/browser/screenshots.js")?);
    let tested = quoted(between(&tests, "const VIEWS", "];")?);
    // The pictures themselves have screenshots of their own.
    for name in routes(&app)?.into_iter().filter(|name| *name != "images") {
        let address = format!("#/{name}");
        let begins = |view: &&str| *view == address || view.starts_with(&format!("{address}/"));
        assert!(tested.iter().any(begins), "VIEWS in tests/browser/views.test.js lacks {address}");
        assert!(screenshots.contains(&address), "tests/browser/screenshots.js lacks {address}");
    }
    Ok(())
}

#[test]
fn every_view_is_imported_and_has_a_link() -> Result<()> {
    let app = read("web/app.js")?;
    let imports = read("web/later.js")? + &app;
    let mut sources = read("web/addresses.js")? + &app;
    for file in fs::read_dir(project::root().join("web/views"))? {
        let path = file?.path();
        let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
        assert!(
            imports.contains(&format!("\"./views/{name}\"")),
            "neither web/app.js nor web/later.js imports web/views/{name}"
        );
        sources += &fs::read_to_string(path)?;
    }
    // Guests get the address from whoever made the link, not from the page.
    for name in routes(&app)?.into_iter().filter(|name| !["", "send"].contains(name)) {
        let links = ["\"", "`"].map(|quote| format!("{quote}#/{name}"));
        let mut after_links = links.iter().flat_map(|link| sources.split(link).skip(1));
        let is_linked = after_links.any(|rest| rest.starts_with(['"', '`', '/', '?']));
        assert!(is_linked, "web/ has no link to #/{name}");
    }
    Ok(())
}

#[test]
fn every_tab_for_admins_is_tested_for_accessibility() -> Result<()> {
    let app = read("web/app.js")?;
    let tests = read("tests/browser/views.test.js")?;
    let tabs: BTreeSet<&str> = quoted(between(&app, "const tab = [", "]")?);
    assert!(tabs.len() > 3, "{tabs:?}");
    for tab in tabs {
        let address = format!("#/admin/{tab}");
        assert!(tests.contains(&address), "VIEWS in tests/browser/views.test.js lacks {address}");
    }
    Ok(())
}

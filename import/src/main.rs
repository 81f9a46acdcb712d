#![doc = include_str!("../README.md")]

mod images;
mod importer;
mod limits;
mod manifest;
mod outcome;
mod pool;
mod report;
mod sets;
mod source;
mod tiers;
mod upload;
mod users;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use store::{Objects, Records};

use crate::{images::ImageImporter, importer::Importer, pool::Pool, source::Source, upload::Uploader};

/// Imports the data of an earlier application. `cargo xtask import` calls this program.
#[derive(Parser)]
struct Arguments {
    /// A directory, or `s3://BUCKET/PREFIX`.
    from: String,
    /// The manifest, if it is not `manifest.jsonl` in that place.
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// Let Cognito mail a temporary password to each new user.
    #[arg(long)]
    invite: bool,
    /// The country of phone numbers without a country code, such as `DE`.
    #[arg(long, default_value = "")]
    default_region: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether everything was imported.
async fn run(arguments: Arguments) -> Result<bool> {
    let config = aws::config()?;
    let source = Source::of(&arguments.from, &config)?;
    let manifest = source.manifest(arguments.manifest.as_ref()).await?;
    let images = ImageImporter {
        records: Records::from_env(&config)?,
        objects: Objects::from_env(&config)?,
        source,
        uploader: Uploader::new()?,
    };
    let mut importer =
        Importer::new(Pool::from_env(&config)?, images, arguments.default_region, arguments.invite);
    let images = importer.run(&manifest).await?;
    importer.wait_until_processed(images).await?;
    Ok(importer.report.end())
}

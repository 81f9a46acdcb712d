//! Makes a rendition from the bytes of an original.

use domain::{Fit, Rendition, RenditionFormat, RenditionOptions};
use imaging::{DevelopError, RenderFormat, Rendered, Rendering, Settings};

/// The quality of an original that has to be encoded again. The difference to the original is hardly visible.
const ORIGINAL_QUALITY: u8 = 95;

/// A rendition as the process makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionFile {
    /// The width and the height in pixels. `None` if they are those of the original.
    pub size: Option<(u32, u32)>,
    /// The media type.
    pub content_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Makes a rendition in this process. The process was started for that.
pub(crate) fn render(
    bytes: &[u8],
    rendition: &Rendition,
    settings: &Settings,
) -> Result<RenditionFile, DevelopError> {
    let rendering = match rendition {
        Rendition::Picture(options) => rendering(options),
        Rendition::StrippedOriginal => {
            if let (Some(format), Some(stripped)) = (imaging::sniff(bytes), imaging::without_metadata(bytes))
            {
                let content_type = format.content_type().to_owned();
                return Ok(RenditionFile { size: None, content_type, bytes: stripped });
            }
            // The pixels leave in a new file, for example those of a TIFF.
            Rendering { quality: ORIGINAL_QUALITY, ..Rendering::default() }
        }
    };
    let Rendered { width, height, content_type, bytes } = imaging::render(bytes, &rendering, settings)?;
    Ok(RenditionFile { size: Some((width, height)), content_type: content_type.to_owned(), bytes })
}

fn rendering(options: &RenditionOptions) -> Rendering {
    let (x, y) = (options.gravity().x.value(), options.gravity().y.value());
    Rendering {
        width: options.width(),
        height: options.height(),
        fit: match options.fit() {
            Fit::ScaleDown | Fit::Contain => imaging::Fit::ScaleDown,
            Fit::Cover => imaging::Fit::Cover { x, y },
            Fit::Crop => imaging::Fit::Crop { x, y },
            Fit::Pad => imaging::Fit::Pad,
        },
        background: options.background().map(|domain::Color(color)| color),
        format: match options.format() {
            RenditionFormat::Auto => RenderFormat::Auto,
            RenditionFormat::Jpeg => RenderFormat::Jpeg,
            RenditionFormat::Png => RenderFormat::Png,
            RenditionFormat::Webp => RenderFormat::Webp,
            RenditionFormat::Avif => RenderFormat::Avif,
        },
        quality: options.quality().get(),
    }
}

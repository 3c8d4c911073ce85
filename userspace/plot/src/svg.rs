// SPDX-License-Identifier: GPL-2.0

//! A scene as SVG.

use std::fmt::Write;

use base64::{engine::general_purpose::STANDARD, Engine};

use crate::colour::Rgb;
use crate::png::indexed;
use crate::scene::{Anchor, Item, Scene, Style, Weight};

/// The embedded font's name first, then what is about as wide.
const FAMILY: &str = "Go, &apos;Segoe UI&apos;, Helvetica, Arial, sans-serif";
const MEDIUM: &str =
    "&apos;Go Medium&apos;, Go, &apos;Segoe UI&apos;, Helvetica, Arial, sans-serif";

/// Coordinates of a path have a tenth of a pixel: what the eye can tell.
fn short(value: f64) -> String {
    let mut text = format!("{value:.1}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    if text == "-0" {
        text.remove(0);
    }
    text
}

/// `text` without what XML gives a meaning to, or does not allow.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The whole file.
pub(crate) fn write(scene: &Scene) -> String {
    let (width, height) = (scene.size.width(), scene.size.height());
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\">\n"
    );
    out += &format!("<title>{}</title>\n", escape(&scene.title));
    out += &format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n");
    for item in &scene.items {
        out += &element(item);
        out.push('\n');
    }
    out + "</svg>\n"
}

fn element(item: &Item) -> String {
    match item {
        Item::Rect {
            x,
            y,
            width,
            height,
            fill,
        } => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
            short(*x),
            short(*y),
            short(*width),
            short(*height),
            hex(*fill)
        ),
        Item::Marks {
            from,
            height,
            width,
            stroke,
        } => format!(
            "<path class=\"spikes\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" d=\"{}\"/>",
            hex(*stroke),
            short(*width),
            marks(from, *height)
        ),
        Item::Lines {
            lines,
            width,
            dashes,
            stroke,
        } => format!(
            "<path fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{} d=\"{}\"/>",
            hex(*stroke),
            short(*width),
            dashes.map_or(" stroke-linejoin=\"round\"".into(), |(on, off)| format!(
                " stroke-dasharray=\"{on} {off}\""
            )),
            path(lines)
        ),
        Item::Cells {
            x,
            y,
            width,
            height,
            columns,
            palette,
            cells,
        } => indexed(*columns, palette, cells).map_or(String::new(), |png| {
            format!(
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" \
                 preserveAspectRatio=\"none\" image-rendering=\"optimizeSpeed\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
                short(*x),
                short(*y),
                short(*width),
                short(*height),
                STANDARD.encode(png)
            )
        }),
        Item::Text {
            x,
            y,
            style,
            upright,
            text,
        } => words(*x, *y, style, *upright, text),
    }
}

fn marks(from: &[(f64, f64)], height: f64) -> String {
    let mut d = String::with_capacity(from.len() * 14);
    let down = short(height);
    for (x, y) in from {
        // Writing to a String cannot fail.
        let _ = write!(d, "M{} {}v{down}", short(*x), short(*y));
    }
    d
}

fn path(lines: &[Vec<(f64, f64)>]) -> String {
    let mut d = String::new();
    for line in lines {
        for (i, (x, y)) in line.iter().enumerate() {
            let lead = ["M", "L", " "][i.min(2)];
            let _ = write!(d, "{lead}{} {}", short(*x), short(*y));
        }
    }
    d
}

fn words(x: f64, y: f64, style: &Style, upright: bool, text: &str) -> String {
    let (x, y) = (short(x), short(y));
    let anchor = match style.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = match style.weight {
        Weight::Regular => String::new(),
        Weight::Medium => format!(" font-weight=\"500\" font-family=\"{MEDIUM}\""),
    };
    let turn = if upright {
        format!(" transform=\"rotate(-90 {x} {y})\"")
    } else {
        String::new()
    };
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{turn}>{}</text>",
        short(style.size),
        hex(style.colour),
        escape(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(12.04), "12");
        assert_eq!(short(-0.01), "0");
        assert_eq!(short(-1.25), "-1.2");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            escape("<a & 'b'>\"\n\u{7}"),
            "&lt;a &amp; &apos;b&apos;&gt;&quot; \u{fffd}"
        );
    }
}

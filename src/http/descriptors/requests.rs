//! What goes with a picture to describe.

use serde_json::json;

use crate::domain::{Profile, QueryRegion};
use crate::http::extract::fields::{Fields, FromFields};
use crate::http::schema::{
    Documented, EXAMPLE_PICTURE, FieldDoc, PROFILES, body_schema, form_object, json_object, profile,
};

/// How to describe a picture.
pub(crate) struct DescribeFields {
    /// The profile.
    pub(crate) profile: Option<Profile>,
    /// The part of the picture.
    pub(crate) region: Option<QueryRegion>,
}

impl FromFields for DescribeFields {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            profile: fields.choice("profile", &Profile::ALL.map(|profile| (profile.as_str(), profile))),
            region: fields.region("region"),
        }
    }
}

impl Documented for DescribeFields {
    fn fields() -> Vec<FieldDoc> {
        let of_collection = format!("{PROFILES} `rnip` where it is left out. A search needs that of its collection.");
        let of_picture = "Describe this box of the image only: x, y, width and height in fractions of the image's width and height, \
                          from its upper left corner, upright as its EXIF data say.";
        vec![
            FieldDoc::plain("profile", profile(), of_collection).example("rnip"),
            FieldDoc::region("region", of_picture),
        ]
    }
}

fn with_image() -> Vec<FieldDoc> {
    std::iter::once(FieldDoc::image()).chain(DescribeFields::fields()).collect()
}

body_schema! {
    /// A picture to describe, as JSON.
    DescribeBody, "Describe",
    json_object(with_image()).examples([json!({"image": EXAMPLE_PICTURE, "profile": "rnip"})])
}

body_schema! {
    /// A picture to describe, as a form.
    DescribeForm, "DescribeForm",
    form_object(with_image()).examples([json!({"image": "photo.jpg", "profile": "rnip", "region": "0.1,0.1,0.8,0.8"})])
}

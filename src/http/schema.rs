//! The schemas that the OpenAPI document is made of where a derive cannot say them: the fields of a
//! request once for all forms in which they come, and what names, tags, filters and metadata may
//! be. What they allow, the server accepts.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{
    AdditionalProperties, Array, ArrayBuilder, ArrayItems, Object, OneOfBuilder, SchemaType,
};
use utoipa::openapi::{ContentBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Required, Schema, SchemaFormat, Type};

use crate::domain::{Profile, Quota, Verdict};

/// 1 to 128 of `A-Z a-z 0-9 . _ - :`, but not `.` or `..`.
const ID_PATTERN: &str =
    r"^([A-Za-z0-9_:-][A-Za-z0-9._:-]{0,127}|\.[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,126}|\.\.[A-Za-z0-9._:-]{1,126})$";

/// A whole picture for examples: a disc of 32x32 pixels as PNG in base64.
pub(crate) const EXAMPLE_PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgAQAAAABbAUdZAAAALElEQVR42mNgIALw/wAS8n+ARP1/GPH/fwMD4///B4gmwDqQDACbBzYZHwAACdYn8FbOmacAAAAASUVORK5CYII=";

/// Another one: a block.
pub(crate) const ANOTHER_PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgAQAAAABbAUdZAAAAEElEQVR42mNgoAT8/09rAgDJOSfZRft2EgAAAABJRU5ErkJggg==";

/// A text without U+0000.
const TEXT_PATTERN: &str = r"^[^\u0000]*$";

// ---------------------------------------------------------------------- fields

/// What is read from fields says which they are.
pub(crate) trait Documented {
    /// The fields.
    fn fields() -> Vec<FieldDoc>;
}

/// A field of a request.
#[derive(Clone)]
pub(crate) struct FieldDoc {
    name: &'static str,
    description: Cow<'static, str>,
    required: bool,
    kind: Kind,
    /// In the query string.
    example: Option<Value>,
}

#[derive(Clone)]
enum Kind {
    /// A number, a switch, a text: the same in every form.
    Plain(Object),
    /// JSON everywhere.
    Json(RefOr<Schema>),
    /// A list in JSON; elsewhere a text of this pattern.
    List(Array, String),
    /// An encoded image: base64 in JSON, the bytes in a form.
    Image,
    /// Up to so many images: in JSON one or a list, in a form as many parts.
    Images(usize),
}

impl FieldDoc {
    fn new(name: &'static str, description: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { name, description: description.into(), required: false, kind, example: None }
    }

    /// A number, a switch or a text.
    pub(crate) fn plain(name: &'static str, schema: ObjectBuilder, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, description, Kind::Plain(schema.build()))
    }

    /// A JSON value, in every form.
    pub(crate) fn json(name: &'static str, schema: impl Into<RefOr<Schema>>, description: &'static str) -> Self {
        Self::new(name, description, Kind::Json(schema.into()))
    }

    /// Any of several names.
    pub(crate) fn names(name: &'static str, names: &[&str], description: &'static str) -> Self {
        let alternatives = names.join("|");
        let items = ArrayBuilder::new().items(one_of(names.iter().copied()));
        let pattern = format!("^(({alternatives})(,({alternatives}))*)?$");
        Self::new(name, description, Kind::List(items.build(), pattern))
    }

    /// Four fractions that are a box: where it begins, and its width and height, which are not 0.
    pub(crate) fn region(name: &'static str, description: &'static str) -> Self {
        let number = || ObjectBuilder::new().schema_type(Type::Number).maximum(Some(1));
        let place: Schema = number().minimum(Some(0)).into();
        let size: Schema = number().exclusive_minimum(Some(0)).into();
        // There are no further items: but `false` for them is what Swagger UI does not show.
        let four = ArrayBuilder::new()
            .prefix_items([place.clone(), place.clone(), size.clone(), size])
            .items(ArrayItems::RefOrSchema(Box::new(place.into())))
            .min_items(Some(4))
            .max_items(Some(4));
        let place = r"(0(\.[0-9]+)?|1(\.0+)?)";
        let size = r"(0\.[0-9]*[1-9][0-9]*|1(\.0+)?)";
        Self::new(name, description, Kind::List(four.build(), format!("^{place},{place},{size},{size}$")))
    }

    /// The values of a descriptor; a JSON array also where other lists are texts with commas.
    pub(crate) fn descriptor(name: &'static str, description: &'static str) -> Self {
        let bound = f64::from(f32::MAX);
        let value = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(-bound)).maximum(Some(bound));
        let values = ArrayBuilder::new().items(value).min_items(Some(1));
        let number = r"-?(0|[1-9][0-9]{0,9})(\.[0-9]+)?([eE][-+]?[0-9])?";
        Self::new(name, description, Kind::List(values.build(), format!(r"^\[{number}(,{number})*\]$")))
    }

    /// The image itself.
    pub(crate) fn image() -> Self {
        Self::picture("image", "The encoded image.")
    }

    /// One of several images.
    pub(crate) fn picture(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, Kind::Image).required()
    }

    /// An image, or several of them, `most` at most.
    pub(crate) fn pictures(name: &'static str, description: &'static str, most: usize) -> Self {
        Self::new(name, description, Kind::Images(most)).required()
    }

    /// It may not be left out.
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Shows this value where the field is one of the query string. Bodies have examples as a whole.
    pub(crate) fn example(mut self, value: impl Into<Value>) -> Self {
        self.example = Some(value.into());
        self
    }

    fn query_parameter(self) -> Option<Parameter> {
        let parameter = ParameterBuilder::new()
            .name(self.name)
            .parameter_in(ParameterIn::Query)
            .required(if self.required { Required::True } else { Required::False })
            .description(Some(self.description));
        Some(match self.kind {
            Kind::Plain(schema) => parameter.schema(Some(schema)).example(self.example).build(),
            Kind::Json(schema) => {
                let content = ContentBuilder::new().schema(Some(schema)).example(self.example);
                parameter.content("application/json", content.build()).build()
            }
            Kind::List(schema, _) => {
                let parameter = parameter.schema(Some(schema)).style(Some(ParameterStyle::Form)).explode(Some(false));
                parameter.example(self.example).build()
            }
            Kind::Image | Kind::Images(_) => return None,
        })
    }

    fn in_json(self) -> RefOr<Schema> {
        let description = Some(self.description.into_owned());
        let nullable = !self.required;
        match self.kind {
            Kind::Plain(mut schema) => {
                schema.description = description;
                if nullable {
                    schema.schema_type = or_null(schema.schema_type);
                    if let Some(values) = &mut schema.enum_values {
                        values.push(Value::Null);
                    }
                }
                schema.into()
            }
            Kind::Json(schema) if nullable => {
                let null = ObjectBuilder::new().schema_type(Type::Null);
                Schema::OneOf(OneOfBuilder::new().item(null).item(schema).description(description).build()).into()
            }
            Kind::Json(schema) => schema,
            Kind::List(mut schema, _) => {
                schema.description = description;
                if nullable {
                    schema.schema_type = or_null(schema.schema_type);
                }
                Schema::Array(schema).into()
            }
            Kind::Image => base64_schema().into(),
            Kind::Images(most) => {
                let several = ArrayBuilder::new().items(base64_schema()).min_items(Some(1)).max_items(Some(most));
                let one = OneOfBuilder::new().item(base64_schema()).item(several);
                one.description(description).into()
            }
        }
    }

    fn in_form(self) -> RefOr<Schema> {
        let description = Some(self.description.into_owned());
        match self.kind {
            Kind::Plain(mut schema) => {
                schema.description = description;
                schema.into()
            }
            Kind::Json(schema) => schema,
            Kind::List(_, pattern) => text_schema(&pattern).description(description).into(),
            Kind::Image => bytes_schema().description(description).into(),
            Kind::Images(most) => ArrayBuilder::new()
                .items(bytes_schema())
                .min_items(Some(1))
                .max_items(Some(most))
                .description(description)
                .into(),
        }
    }
}

fn base64_schema() -> ObjectBuilder {
    let text = "The encoded image as base64: with or without padding or line breaks, in the standard or the \
                URL-safe alphabet, also as a `data:` URL.";
    let text = ObjectBuilder::new().description(Some(text));
    text.schema_type(Type::String).content_encoding("base64").min_length(Some(1))
}

fn bytes_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream")
}

fn or_null(schema_type: SchemaType) -> SchemaType {
    match schema_type {
        SchemaType::Type(one) => SchemaType::Array(vec![one, Type::Null]),
        SchemaType::Array(mut several) => {
            several.push(Type::Null);
            SchemaType::Array(several)
        }
        SchemaType::AnyValue => SchemaType::AnyValue,
    }
}

/// The fields as parameters of the query string.
pub(crate) fn query_parameters(fields: Vec<FieldDoc>) -> Vec<Parameter> {
    fields.into_iter().filter_map(FieldDoc::query_parameter).collect()
}

/// The fields as a JSON object that has no others.
pub(crate) fn json_object(fields: Vec<FieldDoc>) -> ObjectBuilder {
    closed(fields, FieldDoc::in_json)
}

/// The fields as a form that has no others.
pub(crate) fn form_object(fields: Vec<FieldDoc>) -> ObjectBuilder {
    closed(fields, FieldDoc::in_form)
}

fn closed(fields: Vec<FieldDoc>, schema: fn(FieldDoc) -> RefOr<Schema>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    let object = object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    fields.into_iter().fold(object, |object, field| {
        let (name, required) = (field.name, field.required);
        let object = object.property(name, schema(field));
        if required { object.required(name) } else { object }
    })
}

/// Gives a body of a request, which is read from fields, a name and a schema in the document.
macro_rules! body_schema {
    ($(#[$doc:meta])* $type:ident, $name:literal, $schema:expr) => {
        $(#[$doc])*
        pub(crate) enum $type {}

        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed($name)
            }
        }
    };
}
pub(crate) use body_schema;

// ------------------------------------------------------------------ parameters

/// A name in the path.
pub(crate) fn path_parameter(name: &str, description: &str, schema: ObjectBuilder, example: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .example(Some(Value::from(example)))
        .build()
}

/// A header that may be left out.
pub(crate) fn header_parameter(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

// ---------------------------------------------------------------------- values

/// A text of this pattern.
pub(crate) fn text_schema(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

/// Any text that can be stored.
pub(crate) fn any_text() -> ObjectBuilder {
    text_schema(TEXT_PATTERN)
}

/// A whole number in a range.
pub(crate) fn integer(range: RangeInclusive<u32>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(*range.start())).maximum(Some(*range.end()))
}

/// The most that may be there of something.
pub(crate) fn limit() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(Quota::MOST))
}

/// One of several names.
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.into_iter().map(str::to_owned)))
}

/// The name of a collection.
pub(crate) fn collection_schema() -> ObjectBuilder {
    text_schema("^[a-z0-9_-]{1,64}$")
}

/// The id of a job.
pub(crate) fn job_schema() -> ObjectBuilder {
    text_schema("^[a-z0-9-]{1,64}$")
}

/// A cosine.
pub(crate) fn cosine_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number).minimum(Some(-1)).maximum(Some(1))
}

/// The id of an image.
pub(crate) fn id_schema() -> ObjectBuilder {
    text_schema(ID_PATTERN)
}

/// One or more entity tags, or a star.
pub(crate) fn tags_schema() -> ObjectBuilder {
    text_schema(r#"^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$"#).examples([Value::from("\"17\"")])
}

/// Four corners, two numbers each.
pub(crate) fn quad_schema(description: &str) -> Array {
    let corner = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::Number));
    let corner = corner.min_items(Some(2)).max_items(Some(2));
    ArrayBuilder::new().items(corner).min_items(Some(4)).max_items(Some(4)).description(Some(description)).build()
}

/// A profile.
pub(crate) fn profile() -> ObjectBuilder {
    one_of(Profile::ALL.map(Profile::as_str))
}

/// What profiles are.
pub(crate) const PROFILES: &str = "How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, \
    `rnip` overlapping sub-images of a larger version plus `nip`.";

/// A profile of an answer.
pub(crate) fn profile_schema() -> Object {
    profile().description(Some(PROFILES)).build()
}

/// What score and comparison come to.
pub(crate) fn verdict_schema() -> Object {
    let names = [Verdict::Same, Verdict::NearDuplicate, Verdict::Similar, Verdict::Different].map(Verdict::as_str);
    let text = "What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate` (one is in the other: \
                cropped, turned, written over, photographed), `similar` (they share a part or look alike) or `different`.";
    one_of(names).description(Some(text)).build()
}

/// The version of a descriptor.
pub(crate) fn version_schema() -> ObjectBuilder {
    let profiles = Profile::ALL.map(Profile::as_str).join("|");
    text_schema(&format!("^[0-9a-f]+/({profiles})$")).examples([Value::from("0123456789abcdef/rnip")])
}

/// Refers to [`FilterSchema`].
pub(crate) fn filter_reference() -> Ref {
    Ref::from_schema_name("Filter")
}

/// Refers to [`MetadataSchema`].
pub(crate) fn metadata_reference() -> Ref {
    Ref::from_schema_name("Metadata")
}

body_schema! {
    /// A filter over metadata.
    FilterSchema, "Filter", filter()
}

body_schema! {
    /// Metadata of an upload.
    MetadataSchema, "Metadata", metadata()
}

body_schema! {
    /// A value in metadata.
    MetadataValueSchema, "MetadataValue", metadata_value()
}

body_schema! {
    /// An encoded image as the body.
    RawImage, "RawImage",
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some("The bytes of an encoded image."))
}

/// Keys with dots between them.
pub(crate) fn field_path_schema() -> ObjectBuilder {
    text_schema(r"^[^.\u0000]+(\.[^.\u0000]+)*$")
}

fn scalar() -> ObjectBuilder {
    let types = vec![Type::String, Type::Number, Type::Boolean, Type::Null];
    ObjectBuilder::new().schema_type(SchemaType::Array(types)).pattern(Some(TEXT_PATTERN))
}

fn filter() -> Schema {
    let object = || {
        let free = AdditionalProperties::<Schema>::FreeForm(false);
        ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(free))
    };
    let list = || ArrayBuilder::new().items(ArrayItems::RefOrSchema(Box::new(filter_reference().into())));
    let ordered = || {
        ObjectBuilder::new()
            .schema_type(SchemaType::Array(vec![Type::String, Type::Number]))
            .pattern(Some(TEXT_PATTERN))
    };
    let leaf = object()
        .property(
            "field",
            field_path_schema().description(Some("Keys from the outermost inwards, with dots between them.")),
        )
        .required("field")
        .property("eq", scalar())
        .property("in", ArrayBuilder::new().items(scalar()).max_items(Some(256)))
        .property("gt", ordered())
        .property("gte", ordered())
        .property("lt", ordered())
        .property("lte", ordered())
        .property("prefix", any_text())
        .property("exists", ObjectBuilder::new().schema_type(Type::Boolean))
        .min_properties(Some(2));
    OneOfBuilder::new()
        .item(object().property("all", list()).required("all"))
        .item(object().property("any", list()).required("any"))
        .item(object().property("not", filter_reference()).required("not"))
        .item(leaf)
        .description(Some("At most 8 levels and 64 conditions and groups."))
        .examples([json!({"field": "year", "gte": 1979})])
        .build()
        .into()
}

fn metadata() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(any_text()))
        .additional_properties(Some(Ref::from_schema_name("MetadataValue")))
        .description(Some(
            "Any JSON object; searches can filter by it and results carry it. The configuration bounds it: 16 KiB of JSON and 8 levels \
             of nesting by default.",
        ))
        .examples([json!({"title": "Alien", "year": 1979})])
}

fn metadata_value() -> Schema {
    let value = || Ref::from_schema_name("MetadataValue");
    let object = ObjectBuilder::new().schema_type(Type::Object).property_names(Some(any_text()));
    OneOfBuilder::new()
        .item(scalar())
        .item(ArrayBuilder::new().items(ArrayItems::RefOrSchema(Box::new(value().into()))))
        .item(object.additional_properties(Some(value())))
        .build()
        .into()
}

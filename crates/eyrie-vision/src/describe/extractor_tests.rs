//! The whole way from a file to a descriptor, on a small network with pseudo-random weights: five
//! convolutions of 64 channels, each followed by a pooling, so that the output is 7x7 as with
//! VGG-16 and a scalar pass takes a moment.

use std::io::Cursor;
use std::sync::Arc;

use image::{DynamicImage, ImageFormat as Library, Rgb, RgbImage};

use super::{AsicExtractor, DescriptorVersion, Extractor, Level, Model, Profile, RegionPlan, Request, combine};
use crate::local::{LocalFeatures, MOST_CELLS};
use crate::picture::decode_tests::with_orientation;
use crate::picture::{DecodeLimits, Decoded, INPUT_BYTES, PictureError, Scaler, decode, luma, whole_image_224};
use crate::picture::{ImageFormat, QueryRegion};
use eyrie_chip::{Isa, Kernels, LayerShape, ModelFile, NetworkParams, Team, Whitening, fingerprint};

const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 4_000_000, max_aspect_ratio: 20 };
const SHAPES: [LayerShape; 5] = [
    LayerShape::new("a", 3, 64, true),
    LayerShape::new("b", 64, 64, true),
    LayerShape::new("c", 64, 64, true),
    LayerShape::new("d", 64, 64, true),
    LayerShape::new("e", 64, 64, true),
];

/// A model with a whitening of the maps `whitened`, from 64 values to 8 and then to 4.
fn file(whitened: &[Level]) -> Vec<u8> {
    let whitening = |name: &str, inputs: usize, outputs: usize| Whitening {
        name: name.to_owned(),
        mean: vec![0.1; inputs],
        components: (0..outputs * inputs).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect(),
    };
    let of = |level: &Level| [whitening(level.name(), 64, 8), whitening(level.discriminant_name(), 8, 4)];
    let whitenings = whitened.iter().flat_map(of).collect();
    let network = NetworkParams::pseudo_random(5, &SHAPES).expect("a sound network");
    ModelFile { network, whitenings, card: "{}".to_owned() }.encode()
}

fn extractor(whitened: &[Level], kernels: Kernels, threads: usize) -> AsicExtractor {
    let model = Model::from_bytes(&file(whitened)).expect("a sound model");
    AsicExtractor::new(Arc::new(model), kernels, Arc::new(Team::new(threads).expect("threads")), LIMITS)
}

fn fastest(whitened: &[Level]) -> AsicExtractor {
    extractor(whitened, Kernels::detect(), 1)
}

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 5 + y) as u8, (x * y / 30) as u8, if (x / 24 + y / 40) % 2 == 0 { 230 } else { 15 }])
    })
}

fn png(image: RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut bytes, Library::Png).expect("encodes");
    bytes.into_inner()
}

fn decoded(width: u32, height: u32) -> Decoded {
    decode(&png(picture(width, height)), LIMITS).expect("decodes")
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn the_embedded_model_loads_and_names_its_version() {
    let model = Model::embedded().expect("the model in the binary is sound");
    assert_eq!(model.fingerprint().len(), 16);
    assert_eq!(model.network().output_shape(224, 224), (7, 7, 512));
    let version = DescriptorVersion::new(model.fingerprint(), Profile::Rnip);
    assert_eq!(version.to_string().parse::<DescriptorVersion>(), Ok(version));
    assert_eq!(model.network().middle_shape(224, 224), Some((14, 14, 512)));
    assert!((2..=1024).contains(&model.dimension()));
}

#[test]
fn a_descriptor_is_the_same_on_every_instruction_set_and_for_any_number_of_threads() {
    let upload = png(picture(300, 200));
    let expected =
        extractor(&[], Kernels::scalar(), 1).extract(&upload, Request::descriptor(Profile::Fast)).expect("describes");
    for kernels in Kernels::available() {
        for threads in [1, 2] {
            let found = extractor(&[], kernels, threads)
                .extract(&upload, Request::descriptor(Profile::Fast))
                .expect("describes");
            let (expected, found) = (bits(expected.descriptor.values()), bits(found.descriptor.values()));
            assert_eq!(found, expected, "{} with {threads} threads", kernels.isa());
        }
    }
}

/// Recorded once. A CPU on which it fails (or a new version of a library that decodes or scales
/// otherwise) gives other descriptors than the rest of the world: find out why, and if it is meant,
/// raise `PIPELINE_REVISION`.
#[test]
fn pixels_and_vectors_are_the_recorded_ones_on_every_cpu() {
    let jpegs: [&[u8]; 3] = [
        include_bytes!("../../../../tests/fixtures/progressive.jpg"),
        include_bytes!("../../../../tests/fixtures/cmyk.jpg"),
        include_bytes!("../../../../tests/fixtures/ycck.jpg"),
    ];
    let mut found = jpegs.map(|bytes| fingerprint(&decode(bytes, LIMITS).expect("decodes").rgb)).to_vec();
    let (mut scaler, mut canvas) = (Scaler::default(), Vec::new());
    let large = decoded(701, 523);
    found.push(fingerprint(&whole_image_224(&large).expect("scales")));
    scaler.scale(&large, 598, 448, &mut canvas).expect("scales");
    found.push(fingerprint(&canvas));
    scaler.scale(&decoded(61, 43), 636, 448, &mut canvas).expect("scales");
    found.push(fingerprint(&canvas));
    let mut extractor = fastest(&Level::ALL);
    for profile in Profile::ALL {
        let values =
            extractor.extract(&png(picture(400, 300)), Request::descriptor(profile)).expect("describes").descriptor;
        let bytes: Vec<u8> = values.values().iter().flat_map(|v| v.to_le_bytes()).collect();
        found.push(fingerprint(&bytes));
    }
    let jpegs = ["e7412ee0600a291f", "902a275a280e89a2", "3261b99c43d6791b"];
    let scaled = ["baab1f1734987b89", "22f45b48055258d5", "e1cb7fa402cfae98"];
    let descriptors = ["d70fe8da7f34b5a6", "16c9f87226849e6f", "a697fa30831c32ea"];
    let expected = [jpegs, scaled, descriptors].concat();
    assert_eq!(found, expected);
}

/// A dozen pictures of all kinds of sizes: tiny, long, wide, square, larger than the canvas.
const GOLDEN_SIZES: [(u32, u32); 12] = [
    (1, 1),
    (17, 300),
    (224, 224),
    (300, 200),
    (200, 300),
    (448, 448),
    (640, 120),
    (97, 800),
    (500, 500),
    (801, 600),
    (1024, 768),
    (333, 1000),
];

/// The fingerprint of the descriptors of all three profiles of a golden picture.
fn golden(extractor: &mut AsicExtractor, (width, height): (u32, u32)) -> String {
    let upload = png(picture(width, height));
    let bytes: Vec<u8> = Profile::ALL
        .into_iter()
        .flat_map(|profile| {
            extractor.extract(&upload, Request::descriptor(profile)).expect("describes").descriptor.values().to_vec()
        })
        .flat_map(f32::to_le_bytes)
        .collect();
    fingerprint(&bytes)
}

fn with(model: &Arc<Model>, kernels: Kernels, threads: usize, batch: usize) -> AsicExtractor {
    let team = Arc::new(Team::new(threads).expect("threads"));
    AsicExtractor::new(Arc::clone(model), kernels, team, LIMITS).with_batch(batch)
}

/// Recorded once, with the scalar kernel; see the test above for what a failure means.
#[test]
fn golden_descriptors_are_the_recorded_ones_on_every_instruction_set_batch_size_and_number_of_threads() {
    let expected = [
        "46e0fa09e0c8d35e",
        "ea55d7b0e662d25c",
        "7bd31d7682bd8be4",
        "46817ed1f6251aac",
        "b1d9e22c85f8077e",
        "41b70114901230b7",
        "5cc8403a62b2cb09",
        "f9ccd7d72f02f04a",
        "b11235d0612a7280",
        "4c070e0cdeba8675",
        "cc71283092adb32a",
        "c252420236f989c1",
    ];
    let model = Arc::new(Model::from_bytes(&file(&Level::ALL)).expect("a sound model"));
    for kernels in Kernels::available() {
        // Unoptimised, the scalar kernel takes seconds a picture: it has all of them recorded, and
        // repeats two.
        let scalar = kernels.isa() == Isa::Scalar;
        let pictures = if scalar { 1..3 } else { 0..GOLDEN_SIZES.len() };
        let settings: &[(usize, usize)] = if scalar { &[(2, 3)] } else { &[(1, 1), (1, 8), (2, 1), (2, 5), (3, 19)] };
        for &(threads, batch) in settings {
            let mut extractor = with(&model, kernels, threads, batch);
            for picture in pictures.clone() {
                let found = golden(&mut extractor, GOLDEN_SIZES[picture]);
                let isa = kernels.isa();
                assert_eq!(found, expected[picture], "picture {picture}, {isa}, {threads} threads, batch {batch}");
            }
        }
    }
}

#[test]
fn golden_descriptors_of_the_embedded_model_are_the_recorded_ones() {
    let expected = [
        "19b117f4ca7b54d5",
        "eab206f154d9daa0",
        "895d532e16b05513",
        "2ff656aaa3659f13",
        "34ae2bcdb1ef52c9",
        "5b6c75bfe8a8b64e",
        "62d9846242bba6ff",
        "a16b7c8931b83dbf",
        "e40c8ba81bb5abf3",
        "7928d2bbc5ac204b",
        "ead57abe5ba87fa7",
        "ac7655c076e01dae",
    ];
    let model = Arc::new(Model::embedded().expect("sound"));
    let mut extractor = with(&model, Kernels::detect(), 2, 8);
    assert_eq!(GOLDEN_SIZES.map(|size| golden(&mut extractor, size)), expected);
}

#[test]
fn every_profile_is_the_same_with_one_thread_and_with_two() {
    let image = decoded(300, 200);
    let one = fastest(&[]).pooled(&image, Profile::Rnip).expect("pools");
    let two = extractor(&[], Kernels::detect(), 2).pooled(&image, Profile::Rnip).expect("pools");
    for profile in Profile::ALL {
        let [one, two] = [&one, &two].map(|passes| bits(&combine(passes, profile, &Default::default())));
        assert_eq!(one, two, "{profile}");
    }
}

#[test]
fn turning_a_picture_does_not_change_its_nip_vector() {
    // At 224x224 nothing is scaled, so the four turned inputs are the same four in another order.
    let upright = picture(224, 224);
    let turned = image::imageops::rotate90(&upright);
    let mut extractor = fastest(&[]);
    let mut pooled = |image: RgbImage, profile| {
        let image = decode(&png(image), LIMITS).expect("decodes");
        bits(&combine(&extractor.pooled(&image, profile).expect("pools"), profile, &Default::default()))
    };
    assert_eq!(pooled(upright.clone(), Profile::Nip), pooled(turned.clone(), Profile::Nip));
    assert_ne!(pooled(upright, Profile::Fast), pooled(turned, Profile::Fast));
}

#[test]
fn the_passes_of_a_dearer_profile_begin_with_those_of_the_cheaper_ones() {
    let image = decoded(200, 280);
    let mut extractor = fastest(&[]);
    let all = extractor.pooled(&image, Profile::Rnip).expect("pools");
    for (profile, count) in Profile::ALL.into_iter().zip([1, 4, 10]) {
        assert_eq!(extractor.pooled(&image, profile).expect("pools"), all[..count], "{profile}");
        assert_eq!(extractor.inputs(&image, profile).expect("scales").len(), count * INPUT_BYTES);
        let vector = combine(&all, profile, &Default::default());
        let norm: f64 = vector.iter().map(|&v| f64::from(v).powi(2)).sum();
        assert!(vector.len() == 128 && (norm - 1.0).abs() < 1e-6 && vector.iter().all(|&v| v >= 0.0));
    }
    let [fast, nip, rnip] = Profile::ALL.map(|profile| combine(&all, profile, &Default::default()));
    assert!(fast != nip && nip != rnip);
}

#[test]
fn a_part_is_described_as_a_picture_of_its_own_would_be() {
    // At the size of the canvas nothing is scaled, so that a sub-image is a picture of 224x224.
    let (upload, plan) = (picture(448, 336), RegionPlan::new(448, 336, 224));
    assert_eq!((plan.canvas_width, plan.canvas_height), (448, 336));
    let mut extractor = fastest(&Level::ALL);
    let wanted = |profile| Request { parts: true, ..Request::descriptor(profile) };
    let found = extractor.extract(&png(upload.clone()), wanted(Profile::Rnip)).expect("describes");
    let bare = extractor.extract(&png(upload.clone()), Request::descriptor(Profile::Rnip)).expect("describes");
    assert_eq!((&found.descriptor, bare.parts), (&bare.descriptor, Vec::new()));
    let alone = plan.sub_images.iter().map(|part| {
        let cut = image::imageops::crop_imm(&upload, part.x, part.y, 224, 224).to_image();
        extractor.extract(&png(cut), Request::descriptor(Profile::Fast)).expect("describes").descriptor
    });
    assert_eq!(found.parts, alone.collect::<Vec<_>>());
    for profile in [Profile::Fast, Profile::Nip] {
        let found = extractor.extract(&png(upload.clone()), wanted(profile)).expect("describes");
        assert_eq!(found.parts, [], "{profile} has no sub-images");
    }
}

#[test]
fn an_extractor_keeps_nothing_of_the_image_before() {
    let (a, b) = (png(picture(500, 100)), png(picture(120, 130)));
    let mut used = fastest(&[]);
    used.extract(&a, Request::descriptor(Profile::Rnip)).expect("describes");
    let found = used.extract(&b, Request::descriptor(Profile::Rnip)).expect("describes");
    let expected = fastest(&[]).extract(&b, Request::descriptor(Profile::Rnip)).expect("describes");
    assert_eq!((found.descriptor, found.thumbnail), (expected.descriptor, expected.thumbnail));
}

#[test]
fn the_whitenings_decide_the_dimension() {
    let upload = png(picture(224, 224));
    for (whitened, dimension) in [(&[][..], 128), (&[Level::Middle], 68), (&[Level::Last, Level::Middle], 8)] {
        let mut extractor = fastest(whitened);
        for profile in Profile::ALL {
            assert_eq!(extractor.model().dimension(), dimension);
            let descriptor = extractor.extract(&upload, Request::descriptor(profile)).expect("describes").descriptor;
            assert_eq!(descriptor.dimension(), dimension);
        }
    }
}

#[test]
fn a_model_that_does_not_fit_is_refused() {
    let whitening = |name: &str, inputs: usize, outputs: usize| Whitening {
        name: name.to_owned(),
        mean: vec![0.0; inputs],
        components: vec![0.5; inputs * outputs],
    };
    let refused = |shapes: &[LayerShape], whitenings: Vec<Whitening>| {
        let network = NetworkParams::pseudo_random(5, shapes).expect("a sound network");
        let file = ModelFile { network, whitenings, card: "{}".to_owned() };
        Model::from_bytes(&file.encode()).expect_err("refused").to_string()
    };
    assert!(refused(&SHAPES[..4], vec![]).contains("not 14x14 and 7x7"));
    assert!(refused(&SHAPES, vec![whitening("pool4", 32, 8)]).contains("\"pool4\" does not fit"));
    assert!(refused(&SHAPES, vec![whitening("pool3", 64, 8)]).contains("\"pool3\" does not fit"));
    let discriminant = |inputs: usize| whitening("pool5-discriminant", inputs, 4);
    let does_not_fit = "\"pool5-discriminant\" does not fit";
    assert!(refused(&SHAPES, vec![whitening("pool5", 64, 8), discriminant(64)]).contains(does_not_fit));
    assert!(refused(&SHAPES, vec![discriminant(8)]).contains(does_not_fit));
}

#[test]
fn an_extraction_says_what_was_found_and_what_it_cost() {
    let mut extractor = fastest(&[]);
    let pass = extractor.model().pass_cost().clone();
    // A picture of 4:3 takes six sub-images.
    for (profile, passes) in [(Profile::Fast, 1), (Profile::Nip, 4), (Profile::Rnip, 10)] {
        let extraction = extractor.extract(&png(picture(400, 300)), Request::descriptor(profile)).expect("describes");
        assert_eq!((extraction.format, extraction.width, extraction.height), (ImageFormat::Png, 400, 300));
        assert_eq!(extraction.version, DescriptorVersion::new(extractor.model().fingerprint(), profile));
        let cost = extraction.cost;
        assert_eq!((cost.passes, cost.cycles), (passes, pass.cycles * u64::from(passes)));
        assert_eq!((cost.macs, cost.buffer_bytes), (pass.macs * u64::from(passes), pass.buffer_bytes));
        assert!(cost.chip_milliseconds > 0.0 && cost.host_milliseconds > 0.0);
        assert!(cost.energy_millijoules[0] > 0.0 && cost.energy_millijoules[0] < cost.energy_millijoules[1]);
    }
}

#[test]
fn a_thumbnail_and_local_features_are_made_where_the_request_says_so() {
    let mut extractor = fastest(&[]);
    let bare = Request::descriptor(Profile::Fast);
    let mut extract = |request| extractor.extract(&png(picture(400, 300)), request).expect("describes");
    let found = extract(bare);
    assert_eq!((&found.thumbnail, &found.features), (&None, &None));

    let both = extract(Request { thumbnail: true, features: 50, ..bare });
    let thumbnail = decode(&both.thumbnail.expect("made").bytes, LIMITS).expect("a JPEG");
    assert_eq!((thumbnail.width, thumbnail.height), (256, 192));
    let expected = LocalFeatures::extract(&luma(&decoded(400, 300)), 400, 300, 50).expect("has features");
    assert_eq!(both.features, Some(expected));
    assert_eq!(both.descriptor, found.descriptor, "whatever else is made");
}

#[test]
fn the_sub_images_of_rnip_give_cells_where_their_map_is_whitened() {
    let mut eye = fastest(&[Level::Middle]);
    let image = decoded(400, 300);
    let cells = eye.cells(&image).expect("describes").expect("a whitened map");
    // Of 4:3: 28 times 21 places, the strongest of them.
    assert_eq!(cells.iter().count(), MOST_CELLS);
    let mut found = |profile, features| {
        let request = Request { features, ..Request::descriptor(profile) };
        eye.extract(&png(picture(400, 300)), request).expect("describes").features
    };
    let plain = LocalFeatures::extract(&luma(&image), 400, 300, 50).expect("has features");
    assert_eq!(found(Profile::Rnip, 50), Some(plain.clone().with_cells(Some(cells.clone()))));
    for profile in [Profile::Fast, Profile::Nip] {
        assert_eq!(found(profile, 50).as_ref(), Some(&plain), "{profile}");
    }
    assert_eq!(found(Profile::Rnip, 0), None);
    // Recorded: the signs of sums of floats.
    assert_eq!(fingerprint(&cells.encode()), "a472a13942742da2");
    for kernels in Kernels::available() {
        let found = extractor(&[Level::Middle], kernels, 1).cells(&image).expect("describes");
        assert_eq!(found.as_ref(), Some(&cells), "{}", kernels.isa());
    }
    assert_eq!(fastest(&[Level::Last]).cells(&image).expect("describes"), None);
}

#[test]
fn pictures_of_one_pixel_and_of_one_colour_have_a_descriptor() {
    let mut extractor = fastest(&[]);
    for image in [picture(1, 1), RgbImage::new(9, 9), RgbImage::from_pixel(3, 40, Rgb([255; 3]))] {
        let extraction = extractor.extract(&png(image), Request::descriptor(Profile::Rnip)).expect("describes");
        assert!(extraction.descriptor.values().iter().all(|v| v.is_finite()));
    }
}

#[test]
fn a_region_is_described_as_an_image_of_its_own() {
    let whole = picture(400, 300);
    let part = image::imageops::crop_imm(&whole, 100, 60, 200, 90).to_image();
    let region = QueryRegion::new([0.2505, 0.2, 0.499, 0.301]).expect("inside");
    let mut extractor = fastest(&[]);
    for profile in Profile::ALL {
        let request = Request { thumbnail: true, features: 50, ..Request::descriptor(profile) };
        let of_region = Request { region: Some(region), ..request };
        let found = extractor.extract(&png(whole.clone()), of_region).expect("describes");
        let expected = extractor.extract(&png(part.clone()), request).expect("describes");
        assert_eq!((found.width, found.height), (200, 90));
        assert_eq!(found.region.map(QueryRegion::to_array), Some([0.25, 0.2, 0.5, 0.3]), "to whole pixels");
        assert_eq!((found.descriptor, found.features), (expected.descriptor, expected.features));
        assert_eq!((found.thumbnail, found.cost.passes), (expected.thumbnail, expected.cost.passes));
        assert_eq!(expected.region, None);
    }
}

#[test]
fn a_region_lies_in_the_upright_picture() {
    let mut jpeg = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture(120, 80)).write_to(&mut jpeg, Library::Jpeg).expect("encodes");
    // Shown turned by 90 degrees: 80 columns of 120 rows.
    let turned = with_orientation(jpeg.get_ref(), 6);
    let shown = decode(&turned, LIMITS).expect("decodes");
    let shown = RgbImage::from_raw(shown.width, shown.height, shown.rgb).expect("pixels");
    let part = image::imageops::crop_imm(&shown, 20, 90, 60, 30).to_image();
    let region = QueryRegion::new([0.25, 0.75, 0.75, 0.25]).expect("inside");
    let mut extractor = fastest(&[]);
    let request = Request { features: 50, ..Request::descriptor(Profile::Fast) };
    let of_region = Request { region: Some(region), ..request };
    let found = extractor.extract(&turned, of_region).expect("describes");
    let expected = extractor.extract(&png(part), request).expect("describes");
    assert_eq!((found.width, found.height, found.features), (60, 30, expected.features));
    assert_eq!(found.descriptor, expected.descriptor);
}

#[test]
fn another_model_has_another_fingerprint() {
    let fingerprint = |bytes: &[u8]| Model::from_bytes(bytes).expect("sound").fingerprint().to_owned();
    assert_eq!(fingerprint(&file(&[])), fingerprint(&file(&[])));
    assert_ne!(fingerprint(&file(&[])), fingerprint(&file(&[Level::Last])));
}

#[test]
fn what_cannot_be_described_is_refused() {
    let mut extractor = fastest(&[]);
    assert!(matches!(extractor.extract(b"text", Request::descriptor(Profile::Fast)), Err(PictureError::NotAnImage)));
    let wrong = Decoded { rgb: vec![0; 5], format: ImageFormat::Png, width: 3, height: 3 };
    assert!(matches!(extractor.pooled(&wrong, Profile::Rnip), Err(PictureError::Internal(_))));
    assert!(Model::from_bytes(b"no model").is_err());
    let line = QueryRegion::new([0.0, 0.0, 1.0, 0.01]).expect("inside");
    let of_line = Request { region: Some(line), ..Request::descriptor(Profile::Fast) };
    let refused = extractor.extract(&png(picture(100, 100)), of_line);
    assert!(matches!(refused, Err(PictureError::RegionTooSmall { width: 100, height: 1, .. })), "{refused:?}");
}

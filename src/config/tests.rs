use std::io::Write;
use std::path::PathBuf;

use super::rules::{RULES, Rule};
use super::*;
use crate::domain::{Scope, Secret};
use crate::telemetry::LogFormat;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(text.as_bytes()).expect("write");
    file
}

fn from_file(text: &str) -> Result<Loaded, ConfigError> {
    load(Some(file(text).path()), [], &[])
}

fn message(result: Result<Loaded, ConfigError>) -> String {
    result.expect_err("an error").to_string()
}

#[test]
fn the_defaults_alone_are_a_configuration() {
    let loaded = load(None, [], &[]).expect("defaults");
    assert_eq!(loaded.config.server.bind, "127.0.0.1:8080");
    assert_eq!(loaded.config.server.http.max_upload_bytes, 20 << 20);
    assert_eq!(loaded.config.limits.metadata_max_bytes, 16 << 10);
    assert!(!loaded.config.storage.is_postgres());
    assert!(loaded.sources.values().all(|s| *s == Source::Default));
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn the_default_file_has_exactly_the_keys_of_the_config_and_comments_each() {
    // `deny_unknown_fields` refuses a key too many, and a struct without `Option` or `default` a
    // key too few: that the defaults load (above) is the proof of "exactly". Here: each key stands
    // once and has a comment of its own.
    let value = serde_json::to_value(load(None, [], &[]).expect("defaults").config).expect("serialises");
    let keys: usize = value.as_object().expect("sections").values().map(|s| s.as_object().expect("keys").len()).sum();
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    let mut found = 0;
    for (number, line) in lines.iter().enumerate() {
        if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found += 1;
            assert!(lines[number - 1].starts_with("# "), "{key} has no comment");
        }
    }
    assert_eq!(found, keys);
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_defaults() {
    let file = file("[server]\nbind = \"127.0.0.1:1\"\nmax_upload_bytes = 1111\n[index]\nm = 5\n");
    let environment = env(&[("EYRIE_SERVER__BIND", "127.0.0.1:2"), ("EYRIE_SERVER__MAX_UPLOAD_BYTES", "2222")]);
    let flags = [Override { flag: "--bind", key: "server.bind", value: "127.0.0.1:3".to_owned() }];
    let loaded = load(Some(file.path()), environment, &flags).expect("valid");
    assert_eq!(loaded.config.server.bind, "127.0.0.1:3");
    assert_eq!(loaded.config.server.http.max_upload_bytes, 2222);
    assert_eq!(loaded.config.index.graph.m, 5);
    assert_eq!(loaded.config.index.graph.ef_search, 128);
    assert_eq!(loaded.sources["server.bind"], Source::Flag("--bind".to_owned()));
    assert_eq!(
        loaded.sources["server.max_upload_bytes"],
        Source::Environment("EYRIE_SERVER__MAX_UPLOAD_BYTES".to_owned())
    );
    assert_eq!(loaded.sources["index.m"], Source::File(file.path().to_owned()));
    assert_eq!(loaded.sources["index.ef_search"], Source::Default);
}

#[test]
fn every_key_can_be_set_by_the_environment() {
    for key in load(None, [], &[]).expect("defaults").sources.keys() {
        let name = format!("EYRIE_{}", key.replace('.', "__").to_ascii_uppercase());
        let value = match key.as_str() {
            "server.bind" => "127.0.0.1:0",
            "storage.data_dir" => "2024",
            "storage.database_url" => "postgres://localhost/x",
            "storage.prepared_statements" | "storage.s3_path_style" | "search.expand" => "false",
            "storage.originals" => "database",
            "storage.s3_endpoint" => "http://127.0.0.1:9000",
            "index.serve_while_building" => "true",
            "extractor.isa" => "scalar",
            "extractor.isolation" => "thread",
            "extractor.algorithm" => "direct",
            "extractor.model" => "model.eyrie",
            "search.verify" => "never",
            "log.level" => "debug",
            "log.format" | "telemetry.otlp_protocol" => "json",
            "telemetry.otlp_endpoint" => "http://127.0.0.1:4318",
            "server.max_upload_bytes" | "limits.max_transfer_bytes" => "2048",
            "server.public_path" => "/eyrie",
            "server.cors_origins" => "https://a.example, *",
            "server.admin_key" => "0123456789abcdef0123456789abcdef",
            "server.allow_anonymous" => "search, read",
            "server.metrics" => "open",
            "server.trusted_proxies" => "10.0.0.0/8,::1",
            _ => "100",
        };
        let value = if key == "limits.metadata_max_depth" { "9" } else { value };
        let loaded = load(None, env(&[(&name, value)]), &[]).expect(key);
        assert_eq!(loaded.sources[key], Source::Environment(name), "{key}");
    }
}

#[test]
fn short_names_work_and_may_not_contradict_the_long_ones() {
    let loaded = load(None, env(&[("EYRIE_DATA_DIR", "/data"), ("EYRIE_BIND", "[::1]:80"), ("HOME", "/root")]), &[])
        .expect("ok");
    assert_eq!(loaded.config.storage.data_dir, PathBuf::from("/data"));
    assert_eq!(loaded.config.server.bind, "[::1]:80");
    let same = env(&[("EYRIE_DATA_DIR", "/a"), ("EYRIE_STORAGE__DATA_DIR", "/a")]);
    assert!(load(None, same, &[]).is_ok());
    let different = env(&[("EYRIE_DATA_DIR", "/a"), ("EYRIE_STORAGE__DATA_DIR", "/b")]);
    assert_eq!(
        message(load(None, different, &[])),
        "EYRIE_DATA_DIR and EYRIE_STORAGE__DATA_DIR set storage.data_dir to different values; keep one of them"
    );
}

#[test]
fn the_environment_names_the_file_and_the_flag_beats_it() {
    let (one, two) = (file("[index]\nm = 7\n"), file("[index]\nm = 8\n"));
    let environment = env(&[("EYRIE_CONFIG", one.path().to_str().expect("text"))]);
    assert_eq!(load(None, environment.clone(), &[]).expect("ok").config.index.graph.m, 7);
    assert_eq!(load(Some(two.path()), environment, &[]).expect("ok").config.index.graph.m, 8);
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let text = message(load(Some(std::path::Path::new("/no/such/file.toml")), [], &[]));
    assert!(text.starts_with("cannot read the configuration file /no/such/file.toml: "), "{text}");
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_the_nearest() {
    let text = message(from_file("[server]\nbnid = \"x\"\n"));
    assert!(text.starts_with("unknown key \"server.bnid\" (file "), "{text}");
    assert!(text.ends_with("did you mean \"server.bind\"?"), "{text}");
    assert!(message(from_file("[zzz]\nqqq = 1\n")).starts_with("unknown key \"zzz.qqq\""));
    assert!(message(from_file("bind = 1\n")).starts_with("unknown key \"bind\""));
    assert_eq!(
        message(load(None, env(&[("EYRIE_SERVER__BNID", "x")]), &[])),
        "unknown key \"server.bnid\" (environment EYRIE_SERVER__BNID); did you mean \"server.bind\"?"
    );
}

#[test]
fn an_unknown_variable_without_a_section_is_only_warned_about() {
    let environment = env(&[("EYRIE_PORT", "tcp://10.0.0.1:8080"), ("EYRIE_DATABSE_URL", "x"), ("EYRIE_TEST_X", "1")]);
    let loaded = load(None, environment, &[]).expect("warnings only");
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].contains("EYRIE_DATABSE_URL"), "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].ends_with("did you mean EYRIE_DATABASE_URL?"), "{:?}", loaded.warnings);
    assert!(loaded.warnings[1].contains("EYRIE_PORT"), "{:?}", loaded.warnings);
}

#[test]
fn a_value_outside_its_range_is_an_error_with_key_value_range_and_source() {
    assert_eq!(
        message(load(None, env(&[("EYRIE_INDEX__M", "1")]), &[])),
        "index.m is 1 (environment EYRIE_INDEX__M); it must be 2 to 255 links"
    );
    assert_eq!(
        message(load(None, env(&[("EYRIE_INDEX__M", "many")]), &[])),
        "index.m is \"many\" (environment EYRIE_INDEX__M); it must be a whole number"
    );
    assert_eq!(
        message(load(None, env(&[("EYRIE_STORAGE__PREPARED_STATEMENTS", "no")]), &[])),
        "storage.prepared_statements is \"no\" (environment EYRIE_STORAGE__PREPARED_STATEMENTS); it must be true or false"
    );
    for bind in ["8080", ":8080", "host", "host:port", "host:70000"] {
        let text = message(load(None, env(&[("EYRIE_BIND", bind)]), &[]));
        assert!(text.starts_with("server.bind is ") && text.contains("HOST:PORT"), "{text}");
    }
    assert_eq!(
        message(load(None, env(&[("EYRIE_SEARCH__VERIFY_CANDIDATES", "1001")]), &[])),
        "search.verify_candidates is 1001 (environment EYRIE_SEARCH__VERIFY_CANDIDATES); it must be 0 to 1000 candidates"
    );
    let text = message(from_file("[search]\nverify = \"always\"\nverify_candidates = 0\n"));
    assert!(text.contains("it must be at least 1 where search.verify is always"), "{text}");
    let text = message(load(None, env(&[("EYRIE_EXTRACTOR__ISA", "sse2")]), &[]));
    assert!(text.contains("one of auto, scalar, avx2, avxvnni, avx512vnni, amx, neon"), "{text}");
}

#[test]
fn what_is_in_front_of_the_server_is_checked_and_the_defaults_trust_this_machine_alone() {
    let http = load(None, [], &[]).expect("defaults").config.server.http;
    assert_eq!(String::from(http.public_path), "");
    assert!(http.cors_origins.is_empty());
    let trusted: Vec<String> = http.trusted_proxies.into_iter().map(String::from).collect();
    assert_eq!(trusted, ["127.0.0.0/8", "::1/128"]);
    for (name, value, said) in [
        ("EYRIE_SERVER__PUBLIC_PATH", "eyrie/", "\"eyrie/\" is not a public path"),
        ("EYRIE_SERVER__CORS_ORIGINS", "https://a.example,b", "\"b\" is not an origin"),
        ("EYRIE_SERVER__TRUSTED_PROXIES", "localhost", "\"localhost\" is neither an address"),
    ] {
        let text = message(load(None, env(&[(name, value)]), &[]));
        assert!(text.contains("server") && text.contains(said), "{text}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_that_names_the_key() {
    let text = message(from_file("[index]\nm = \"sixteen\"\n"));
    assert!(text.starts_with("index.m is \"sixteen\" (file ") && text.ends_with("must be a whole number"), "{text}");
    let text = message(from_file("[index]\nm = -1\n"));
    assert!(text.starts_with("index.m is -1 (file ") && text.ends_with("must be 2 to 255 links"), "{text}");
    let text = message(from_file("[storage]\ndata_dir = 5\n"));
    assert!(text.starts_with("storage.data_dir is 5 (file ") && text.ends_with("must be a text"), "{text}");
    let text = message(load(None, env(&[("EYRIE_SEARCH__VERIFY", "yes")]), &[]));
    assert!(text.contains("search.verify") && text.contains("yes") && text.contains("always"), "{text}");
    let text = message(load(None, env(&[("EYRIE_LOG__FORMAT", "xml")]), &[]));
    assert!(text.contains("log.format") && text.contains("xml"), "{text}");
}

#[test]
fn the_database_url_is_never_shown() {
    let environment = env(&[("EYRIE_DATABASE_URL", "postgres://u:hunter2@h/d")]);
    let loaded = load(None, environment, &[]).expect("ok");
    assert_eq!(loaded.config.storage.database_url.reveal(), "postgres://u:hunter2@h/d");
    let shown = format!(
        "{loaded:?} {} {}",
        serde_json::to_string(&loaded.config).expect("serialises"),
        loaded.config.storage.database_url
    );
    assert!(!shown.contains("hunter2") && shown.contains("(hidden)"));
    let text = message(load(None, env(&[("EYRIE_DATABASE_URL", "mysql://u:hunter2@h/d")]), &[]));
    assert!(text.contains("storage.database_url") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_keys_of_s3_are_never_shown_and_a_bucket_is_needed() {
    let environment = env(&[
        ("EYRIE_STORAGE__ORIGINALS", "s3"),
        ("EYRIE_STORAGE__S3_BUCKET", "b"),
        ("EYRIE_STORAGE__S3_ACCESS_KEY_ID", "AKIAhunter2"),
        ("EYRIE_STORAGE__S3_SECRET_ACCESS_KEY", "hunter2"),
    ]);
    let loaded = load(None, environment, &[]).expect("ok");
    assert_eq!(loaded.config.storage.originals.secret_access_key.reveal(), "hunter2");
    let shown = format!("{loaded:?} {}", serde_json::to_string(&loaded.config).expect("serialises"));
    assert!(!shown.contains("hunter2"), "{shown}");
    let text = message(from_file("[storage]\ns3_secret_access_key = [\"hunter2\"]\n"));
    assert!(text.contains("storage.s3_secret_access_key") && !text.contains("hunter2"), "{text}");
    let text = message(load(None, env(&[("EYRIE_STORAGE__ORIGINALS", "s3")]), &[]));
    assert!(text.starts_with("storage.s3_bucket is \"\"") && text.contains("the name of a bucket"), "{text}");
    for prefix in ["/a", "a/", "a//b", "../b", "a b"] {
        let text = message(load(None, env(&[("EYRIE_STORAGE__S3_PREFIX", prefix)]), &[]));
        assert!(text.starts_with("storage.s3_prefix"), "{text}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_an_error_with_the_line_and_nothing_of_its_text() {
    let text = message(from_file("[storage]\n\ndatabase_url = postgres://u:hunter2@h/d\n"));
    assert!(text.starts_with("file ") && text.contains(" is not valid TOML: line 3: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let text = message(from_file("[storage]\ndatabase_url = [\"postgres://u:hunter2@h/d\"]\n"));
    assert!(text.starts_with("storage.database_url is a text that is not shown (file "), "{text}");
}

#[test]
fn every_number_has_a_range_and_every_choice_is_taken() {
    let defaults: toml::Table = toml::from_str(DEFAULTS).expect("TOML");
    for (section, keys) in &defaults {
        for (name, value) in keys.as_table().expect("a section") {
            let key = format!("{section}.{name}");
            let rule = RULES.iter().find(|(other, _)| *other == key).map(|(_, rule)| rule);
            assert!(rule.is_some() || !value.is_integer(), "{key}");
            let Some(Rule::OneOf(choices)) = rule else { continue };
            for choice in *choices {
                let needed = if *choice == "s3" { "s3_bucket = \"b\"\n" } else { "" };
                let text = format!("[{section}]\n{name} = \"{choice}\"\n{needed}");
                assert!(from_file(&text).is_ok(), "{text}");
            }
        }
    }
}

#[test]
fn the_production_example_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.toml");
    let loaded = load(Some(std::path::Path::new(path)), [], &[]).expect("valid");
    assert_eq!(loaded.config.log.format, LogFormat::Json);
    assert_eq!(loaded.config.storage.database_url, Secret::default());
}

#[test]
fn secrets_can_come_from_files_and_nothing_else_can() {
    let url = file("postgres://u:hunter2@h/d\n");
    let path = url.path().to_str().expect("text");
    for name in ["EYRIE_DATABASE_URL_FILE", "EYRIE_STORAGE__DATABASE_URL_FILE"] {
        let loaded = load(None, env(&[(name, path)]), &[]).expect(name);
        assert_eq!(loaded.config.storage.database_url.reveal(), "postgres://u:hunter2@h/d");
        assert_eq!(loaded.sources["storage.database_url"], Source::Environment(name.to_owned()));
        assert!(!format!("{loaded:?}").contains("hunter2"));
    }
    let both = env(&[("EYRIE_DATABASE_URL_FILE", path), ("EYRIE_DATABASE_URL", "postgres://u:hunter2@h/d")]);
    assert!(load(None, both, &[]).is_ok(), "they say the same");
    let both = env(&[("EYRIE_DATABASE_URL_FILE", path), ("EYRIE_DATABASE_URL", "postgres://other@h/d")]);
    let text = message(load(None, both, &[]));
    assert!(text.contains("different values") && !text.contains("hunter2"), "{text}");
    let text = message(load(None, env(&[("EYRIE_ADMIN_KEY_FILE", "/no/such/file")]), &[]));
    assert!(text.starts_with("cannot read the file /no/such/file that EYRIE_ADMIN_KEY_FILE names: "), "{text}");
    let empty = file("\n");
    let text = message(load(None, env(&[("EYRIE_ADMIN_KEY_FILE", empty.path().to_str().expect("text"))]), &[]));
    assert!(text.ends_with("it is empty"), "{text}");
    let warned = load(None, env(&[("EYRIE_BIND_FILE", path)]), &[]).expect("a warning");
    assert!(warned.warnings[0].contains("EYRIE_BIND_FILE"), "{:?}", warned.warnings);
    assert!(load(None, env(&[("EYRIE_SERVER__BIND_FILE", path)]), &[]).is_err(), "no such key");
}

#[test]
fn an_admin_key_is_long_enough_and_is_never_shown() {
    let long = "0123456789abcdef0123456789abcdef";
    let loaded = load(None, env(&[("EYRIE_ADMIN_KEY", long)]), &[]).expect("valid");
    assert_eq!(loaded.config.server.admin_key.reveal(), long);
    assert!(!format!("{loaded:?}").contains(long));
    for wrong in ["short", "0123456789abcdef 0123456789abcdef", &"x".repeat(513), "ключключключключключключключключ"]
    {
        let text = message(load(None, env(&[("EYRIE_ADMIN_KEY", wrong)]), &[]));
        assert!(text.contains("server.admin_key is a text that is not shown") && !text.contains(wrong), "{text}");
    }
}

#[test]
fn what_is_open_is_a_list_of_scopes() {
    let open = |text: &str| load(None, env(&[("EYRIE_SERVER__ALLOW_ANONYMOUS", text)]), &[]);
    assert_eq!(open("search, read").expect("valid").config.server.http.allow_anonymous, [Scope::Search, Scope::Read]);
    assert_eq!(open("").expect("valid").config.server.http.allow_anonymous, []);
    let text = message(open("everything"));
    assert!(text.contains("server.allow_anonymous") && text.contains("a list of search, read, write, admin"), "{text}");
}

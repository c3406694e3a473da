using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.HttpErrors;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Every endpoint that takes JSON, every field of it, and what somebody may put there.</summary>
[Collection(ApiTests.Name)]
public class HostileJsonTests(ApiFixture api)
{
    // What is told of a request is short, also where each character of it is an escape.
    private const int AnswerLengthMax = 6 * ProblemLimits.DetailLengthMax + 2_000;

    private const string Record = """
        {"key":"k","value":{"a":["b"]},"headers":[{"key":"h","key_type":"string","value":"v","value_type":"string"}],"timestamp":"2026-01-01T00:00:00Z","key_type":"string","value_type":"json"}
        """;

    // Fields that go with others are null here: whatever takes their place is judged by itself.
    private static readonly (string Method, string Path, string Type, string Body)[] Requests =
    [
        ("PUT", "/v1/topics/{t}", "application/json", """{"partitions":1,"replication_factor":1,"config":{"retention.ms":86400000,"compression.type":"gzip","hot.keys":"a"}}"""),
        ("PATCH", "/v1/topics/{t}", "application/json", """{"partitions":1,"config":{"retention.ms":86400000,"hot.key.detection":false}}"""),
        ("POST", "/v1/topics/{t}/records", "application/json", $$"""{"acks":"all","key_type":"string","records":[{"value":1,"partition":0},{{Record}}],"value_type":"json"}"""),
        ("POST", "/v1/topics/{t}/partitions/0/records", "application/json", $$"""{"records":[{{Record}}],"acks":1}"""),
        ("POST", "/v1/topics/{t}/records", "application/x-ndjson", Record),
        ("POST", "/v1/topics/{t}/partitions/0/records", "application/x-ndjson", Record),
        ("POST", "/v1/producers", "application/json", """{"producer_id":1,"producer_epoch":0}"""),
        ("POST", "/v1/groups/{t}/members/m/poll", "application/json", """
            {"topics":["{t}"],"cursor":null,"commit":true,"failed":null,"max_records":1,"max_bytes":1000,"wait_ms":0,"lease_ms":1000,"auto_offset_reset":"earliest","assignor":"sticky","key_as":"auto","value_as":"auto"}
            """),
        ("POST", "/v1/groups/{t}/members/m/poll", "application/json", """{"topics":["{t}"],"cursor":"AAAA","failed":[{"topic":"{t}","partition":0,"offset":0,"reason":"r"}]}"""),
        ("PUT", "/v1/groups/{t}/offsets", "application/json", """{"member":"m","member_epoch":1,"cursor":null,"offsets":[{"topic":"{t}","partition":0,"offset":0,"metadata":"m"}]}"""),
        ("POST", "/v1/groups/{t}/offsets/reset", "application/json", """{"topics":["{t}"],"partitions":[0],"to":"offset","timestamp":null,"offset":0,"by":null,"dry_run":true}"""),
        ("POST", "/v1/groups/{t}/offsets/reset", "application/json", """{"topics":["{t}"],"to":"timestamp","timestamp":"2026-01-01T00:00:00Z","dry_run":true}"""),
        ("PUT", "/v1/groups/{t}", "application/json", """{"retry":"topic","max_attempts":3,"backoff_ms":[1,2],"backoff":null,"jitter":0.5,"dead_letter_topic":null}"""),
        ("PUT", "/v1/groups/{t}", "application/json", """{"retry":"in_place","backoff":{"initial_ms":1,"multiplier":2,"max_ms":10}}"""),
        ("POST", "/v1/groups/{t}/dead-letters/redrive", "application/json", """{"topic":"a","key":"b","reason":"c"}"""),
    ];

    // Half a character, and how far below the field it stands.
    private static readonly (string Text, string Below)[] Halves =
        [("\"\\ud800\"", ""), ("\"a\\udc00\"", ""), ("\"\\ud800\\ud800\"", ""), ("\"\\ud83d\\u0041\"", ""), ("[\"\\udfff\"]", "[0]"), ("{\"a\":\"\\ud800\"}", ".a")];

    private static readonly string[] Values =
    [
        "null", "true", "-1", "-0", "1.5", "1e400", "1E-400", "2147483648", "9223372036854775807", "9223372036854775808", "99999999999999999999",
        $"1{new string('0', 5_000)}", "\"\"", "\" \"", "\"\\u0000\"", "\"\\u2028\\u0085\\ufffe\"", "\"\\ud83d\\ude00\"", "\"2016-12-31t23:59:60z\"",
        $"\"{new string('x', 300_000)}\"", $"\"{string.Concat(Enumerable.Repeat("\\u0000", 10_000))}\"", "[]", "{}", "[null]", "[[]]", "{\"\":null}",
        new string('[', 50) + new string(']', 50), new string('[', 70) + new string(']', 70), new string('[', 100_000), "\"", "tru", "",
    ];

    [Fact]
    public Task Send_WhereverHalfACharacterIs_IsRefusedByTheFieldsName() => CheckAsync(
        place => HasName(place)
            ? HalvesAt(place).Append((new Change(ChangeKind.Name, place, Halves[0].Text), FieldOf(ParentOf(place))))
            : HalvesAt(place),
        isRefused: true);

    [Fact]
    public Task Send_WhateverStandsInAField_IsTakenOrRefused() => CheckAsync(
        place => Values.Select(value => (new Change(ChangeKind.Value, place, value), (string?)null)), isRefused: false);

    [Fact]
    public Task Send_WhenAFieldComesTwiceOrUnderAnotherName_IsRefused() => CheckAsync(
        place => !HasName(place) || IsInPayload(place) ? [] :
        [
            (new Change(ChangeKind.Twice, place, ""), null),
            (new Change(ChangeKind.Name, place, "\"\\u0000\""), null),
            (new Change(ChangeKind.Name, place, $"\"{new string('n', 30_000)}\""), null),
        ],
        isRefused: true);

    private static IEnumerable<(Change Change, string? Field)> HalvesAt(string place) => place.Length == 0 ? [] : Halves
        .Select(half => (new Change(ChangeKind.Value, place, half.Text), (string?)FieldOf(place + half.Below)));

    private async Task CheckAsync(Func<string, IEnumerable<(Change Change, string? Field)>> changes, bool isRefused)
    {
        var topic = await api.CreateTopicAsync();
        var faults = new List<string>();
        foreach ((var method, var path, var type, var body) in Requests)
        {
            var whole = JsonNode.Parse(body)!;
            foreach (var place in PlacesOf(whole, ""))
            {
                foreach ((var change, var field) in changes(place))
                {
                    var text = Write(whole, "", change).Replace("{t}", topic, StringComparison.Ordinal);
                    var expected = type == "application/json" || field is null ? field : field == "body" ? "lines[0]" : $"lines[0].{field}";
                    var fault = await FindFaultAsync(method, path.Replace("{t}", topic, StringComparison.Ordinal), type, text, isRefused, expected);
                    if (fault is not null)
                        faults.Add($"{method} {path} {type} {text[..Math.Min(text.Length, 200)]}: {fault}");
                }
            }
        }

        Assert.True(faults.Count == 0, $"{faults.Count}:\n{string.Join('\n', faults.Take(30))}");
    }

    private async Task<string?> FindFaultAsync(string method, string path, string type, string body, bool isRefused, string? field)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = ApiFixture.Body(Encoding.UTF8.GetBytes(body), type) };
        using var response = await api.SendAsync(request);
        var status = (int)response.StatusCode;
        var text = await ApiFixture.TextAsync(response);
        if (status < 300)
            return isRefused ? $"{status} {text}" : null;
        if (status >= 500 || text.Length > AnswerLengthMax || response.Content.Headers.ContentType?.MediaType != "application/problem+json")
            return $"{status} {text.Length} {text[..Math.Min(text.Length, 200)]}";
        var problem = JsonNode.Parse(text)!;
        if (string.IsNullOrEmpty((string?)problem["detail"]) || problem["error_code"] is null)
            return text;
        return field is null || (string?)problem["field"] == field ? null : $"not '{field}': {text}";
    }

    private static IEnumerable<string> PlacesOf(JsonNode? node, string place) => node switch
    {
        JsonObject fields => fields.SelectMany(field => PlacesOf(field.Value, Join(place, field.Key))).Prepend(place),
        JsonArray list => list.SelectMany((item, i) => PlacesOf(item, $"{place}[{i}]")).Prepend(place),
        _ => [place],
    };

    private static string Write(JsonNode? node, string place, Change change)
    {
        if (change.Kind == ChangeKind.Value && change.Place == place)
            return change.Text;
        return node switch
        {
            JsonObject fields => $"{{{string.Join(',', fields.Select(field => WriteField(field.Key, field.Value, Join(place, field.Key), change)))}}}",
            JsonArray list => $"[{string.Join(',', list.Select((item, i) => Write(item, $"{place}[{i}]", change)))}]",
            _ => node?.ToJsonString() ?? "null",
        };
    }

    private static string WriteField(string name, JsonNode? value, string place, Change change)
    {
        var isHere = change.Place == place;
        var field = $"{(isHere && change.Kind == ChangeKind.Name ? change.Text : $"\"{name}\"")}:{Write(value, place, change)}";
        return isHere && change.Kind == ChangeKind.Twice ? $"{field},{field}" : field;
    }

    private static string Join(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";

    private static bool HasName(string place) => place.Length > 0 && place[^1] != ']';

    // A setting's name has dots of its own.
    private static string ParentOf(string place) =>
        place.StartsWith("config.", StringComparison.Ordinal) ? "config" : place[..Math.Max(0, place.LastIndexOf('.'))];

    // What lies inside a key or value is named by the one that holds it.
    private static string FieldOf(string place)
    {
        if (place.StartsWith("config", StringComparison.Ordinal))
            return place;
        var names = place.Split('.');
        var payload = Array.FindIndex(names, name => name.Split('[')[0] is "key" or "value");
        return payload >= 0 ? string.Join('.', names[..payload].Append(names[payload].Split('[')[0])) : place.Length == 0 ? "body" : place;
    }

    private static bool IsInPayload(string place) => place.Contains("value.a", StringComparison.Ordinal);

    private enum ChangeKind
    {
        Value,
        Name,
        Twice,
    }

    private readonly record struct Change(ChangeKind Kind, string Place, string Text);
}

using System.Text;

namespace OrleansStream.Tests.Api;

/// <summary>The table of malformed requests to groups.</summary>
internal static class MalformedGroupRequests
{
    private const string Poll = "/v1/groups/g/members/m/poll";
    private const string Offsets = "/v1/groups/g/offsets";
    private const string Reset = "/v1/groups/g/offsets/reset";

    public static IEnumerable<MalformedRequest> All() => [.. Polls(), .. OffsetBodies(), .. Resets(), .. Paths()];

    private static MalformedRequest Make(string method, string path, string body, string? field) =>
        new(method, path, Encoding.UTF8.GetBytes(body), Field: field);

    private static IEnumerable<MalformedRequest> Polls()
    {
        foreach (var body in new[] { "", "{", "{\"topics\":[\"{t}\"}", "{\"topics\":[\"a\",]}" })
            yield return Make("POST", Poll, body, null);
        foreach (var body in new[] { "null", "[]", "1", "\"a\"" })
            yield return Make("POST", Poll, body, "body");
        foreach (var topics in new[] { "null", "1", "\"a\"", "{}", "[]", $"[{string.Join(',', Enumerable.Range(0, 101).Select(i => $"\"t{i}\""))}]" })
            yield return Make("POST", Poll, $$"""{"topics":{{topics}}}""", "topics");
        foreach (var topic in new[] { "1", "null", "\"\"", "\"a b\"", "\"..\"", "\"\\ud800\"", $"\"{new string('x', 250)}\"" })
            yield return Make("POST", Poll, $$"""{"topics":[{{topic}}]}""", "topics[0]");
        yield return Make("POST", Poll, """{"topics":["a","a"]}""", "topics[1]");
        (string Name, string[] Values)[] fields =
        [
            ("max_records", ["-1", "10001", "1.5", "\"1\"", "true"]), ("max_bytes", ["0", "4194305", "[]"]), ("wait_ms", ["-1", "50001", "\"5\""]),
            ("lease_ms", ["999", "3600001", "{}"]), ("commit", ["1", "\"true\""]), ("auto_offset_reset", ["\"first\"", "1"]), ("assignor", ["\"round\"", "2"]),
            ("cursor", ["1", "\"\"", "\"AAAA\"", "\"not base64!\"", $"\"{new string('A', 300_000)}\""]), ("key_as", ["\"xml\""]), ("value_as", ["0"]),
            ("topic", ["\"a\""]), ("member_epoch", ["1"]),
        ];
        foreach ((var name, var values) in fields)
        {
            foreach (var value in values)
                yield return Make("POST", Poll, $$"""{"topics":["a"],"{{name}}":{{value}}}""", name);
        }

        yield return Make("POST", Poll, """{"topics":["a"],"wait_ms":1,"wait_ms":2}""", "wait_ms");
    }

    private static IEnumerable<MalformedRequest> OffsetBodies()
    {
        yield return Make("PUT", Offsets, "{}", "offsets");
        yield return Make("PUT", Offsets, """{"offsets":[]}""", "offsets");
        yield return Make("PUT", Offsets, """{"offsets":[1]}""", "offsets[0]");
        yield return Make("PUT", Offsets, """{"offsets":[{"partition":0,"offset":0}]}""", "offsets[0].topic");
        yield return Make("PUT", Offsets, """{"offsets":[{"topic":"a","offset":0}]}""", "offsets[0].partition");
        yield return Make("PUT", Offsets, """{"offsets":[{"topic":"a","partition":0}]}""", "offsets[0].offset");
        yield return Make("PUT", Offsets, """{"offsets":[{"topic":"a","partition":0,"offset":-1}]}""", "offsets[0].offset");
        yield return Make("PUT", Offsets, """{"offsets":[{"topic":"a","partition":0,"offset":0,"metadata":1}]}""", "offsets[0].metadata");
        yield return Make("PUT", Offsets, """{"offsets":[{"topic":"a","partition":0,"offset":0,"extra":1}]}""", "offsets[0].extra");
        yield return Make("PUT", Offsets, """{"member":"m","offsets":[{"topic":"a","partition":0,"offset":0}]}""", "member_epoch");
        yield return Make("PUT", Offsets, """{"member":"m m","member_epoch":1,"offsets":[{"topic":"a","partition":0,"offset":0}]}""", "member");
        yield return Make("PUT", Offsets, """{"cursor":"AAAA"}""", "member");
        yield return Make("PUT", Offsets, """{"member":"m","cursor":"AAAA"}""", "cursor");
        yield return Make("PUT", Offsets, """{"offsets":[{"topic":"{t}-missing","partition":0,"offset":0}]}""", "offsets[0].topic");
    }

    private static IEnumerable<MalformedRequest> Resets()
    {
        yield return Make("POST", Reset, "{}", "to");
        yield return Make("POST", Reset, """{"to":"end"}""", "to");
        yield return Make("POST", Reset, """{"to":"offset"}""", "offset");
        yield return Make("POST", Reset, """{"to":"shift"}""", "by");
        yield return Make("POST", Reset, """{"to":"timestamp"}""", "timestamp");
        yield return Make("POST", Reset, """{"to":"timestamp","timestamp":"yesterday"}""", "timestamp");
        yield return Make("POST", Reset, """{"to":"earliest","offset":3}""", "offset");
        yield return Make("POST", Reset, """{"to":"earliest","dry_run":"yes"}""", "dry_run");
        yield return Make("POST", Reset, """{"to":"earliest","partitions":[-1]}""", "partitions[0]");
        yield return Make("POST", Reset, """{"to":"shift","by":1.5}""", "by");
    }

    private static IEnumerable<MalformedRequest> Paths()
    {
        yield return new("GET", "/v1/groups/a%20b", Field: "group");
        yield return new("GET", $"/v1/groups/{new string('g', 250)}/lag", Field: "group");
        yield return new("DELETE", "/v1/groups/g/members/a%20b", Field: "member");
        yield return new("DELETE", "/v1/groups/g/members/m?member_epoch=x", Field: "member_epoch");
        yield return new("GET", "/v1/groups?limit=0", Field: "limit");
        yield return new("GET", "/v1/groups?page=1", Field: "page");
        yield return new("GET", "/v1/groups/no-such-group");
        yield return new("GET", "/v1/groups/no-such-group/offsets");
        yield return new("DELETE", "/v1/groups/no-such-group");
        yield return new("PATCH", "/v1/groups/g");
        yield return new("POST", Poll, "topics=a"u8.ToArray(), "application/x-www-form-urlencoded");
    }
}

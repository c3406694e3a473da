using System.Text;
using OrleansStream.Tests.Api.Bodies;

namespace OrleansStream.Tests.Api;

/// <summary>Requests that produce.</summary>
internal static partial class MalformedRequests
{
    private static IEnumerable<MalformedRequest> ProduceBodies()
    {
        string[] notJson =
        [
            "", " ", "{", "}", "[", "{\"records\"", "{\"records\":", "{\"records\":[", "{\"records\":[{", "{\"records\":[{\"value\":1}",
            "{\"records\":[{\"value\":1}]", "{\"records\":[{\"value\":1}]}}", "{\"records\":[{\"value\":1}]} x", "{\"records\":[{\"value\":1},]}",
            "{\"records\":[{\"value\":1}],}", "{records:[{\"value\":1}]}", "{'records':[{'value':1}]}", "{\"records\":[{\"value\":NaN}]}",
            "{\"records\":[{\"value\":Infinity}]}", "{\"records\":[{\"value\":-Infinity}]}", "{\"records\":[{\"value\":01}]}",
            "{\"records\":[{\"value\":1.}]}", "{\"records\":[{\"value\":.5}]}", "{\"records\":[{\"value\":+1}]}", "{\"records\":[{\"value\":0x10}]}",
            "{\"records\":[{\"value\":1e}]}", "{\"records\":[{\"value\":tru}]}", "{\"records\":[{\"value\":undefined}]}",
            "{\"records\":[{\"value\":\"a}]}", "{\"records\":[{\"value\":\"\\x\"}]}", "{\"records\":[{\"value\":\"\\u12\"}]}",
            "{\"records\":[{\"value\":\"a\tb\"}]}", "{\"records\":[{\"value\":\"a\nb\"}]}", "{\"records\":[{\"value\":1 2}]}",
            "{\"records\" [{\"value\":1}]}", "{\"records\":[{\"value\":1} {\"value\":2}]}", "/* c */{\"records\":[{\"value\":1}]}",
            "{\"records\":[{\"value\":1}]} // c", "\uFEFF\uFEFF{\"records\":[{\"value\":1}]}", "a=1&b=2", "<records/>",
        ];
        foreach (var body in notJson)
            yield return Post(body);
        string[] wrongRoot = ["null", "1", "\"a\"", "true", "[]", "[{\"value\":1}]"];
        foreach (var body in wrongRoot)
            yield return Post(body, "body");
        yield return Post("{}", "records");
        yield return Post("""{"acks":"all"}""", "records");
        foreach (var records in new[] { "null", "1", "\"a\"", "true", "{}", "[]" })
            yield return Post($$"""{"records":{{records}} }""", "records");
        yield return Post("""{"records":[{"value":1}],"records":[{"value":1}]}""", "records");
        yield return Post("""{"records":[{"value":1}],"acks":1,"acks":1}""", "acks");
        yield return Post("""{"key_type":"string","records":[{"value":1}],"key_type":"string"}""", "key_type");
        yield return Post("""{"value_type":"json","value_type":"json","records":[{"value":1}]}""", "value_type");
        foreach (var acks in new[] { "2", "-1", "\"1\"", "\"ALL\"", "true", "1.5", "[]", "99999999999999999999" })
            yield return Post($$"""{"records":[{"value":1}],"acks":{{acks}} }""", "acks");
        foreach (var type in new[] { "\"text\"", "\"JSON\"", "1", "\"\"", "{}", "\"auto\"" })
        {
            yield return Post($$"""{"records":[{"value":1}],"key_type":{{type}} }""", "key_type");
            yield return Post($$"""{"records":[{"value":1}],"value_type":{{type}} }""", "value_type");
        }

        foreach (var name in new[] { "record", "Records", "ack", "topic", "partition", "" })
            yield return Post($$"""{"records":[{"value":1}],"{{name}}":1}""", name);
        yield return Post("{\"records\":[{\"value\":" + new string('[', 62) + new string(']', 62) + "}]}");
        yield return Post("{\"records\":[{\"value\":" + new string('[', 100_000));
        yield return Post("{\"records\":" + new string('[', 65) + new string(']', 65) + "}");
        yield return Post("{\"records\":[" + string.Join(',', Enumerable.Repeat("{\"value\":1}", 100_001)) + "]}", "records");
        yield return new("POST", Records, [.. "{\"records\":[{\"value\":\""u8, 0xFF, .. "\"}]}"u8]);
        yield return new("POST", Records, [.. "{\"records\":[{\"value\":\""u8, 0xC3, .. "\"}]}"u8]);
        yield return new("POST", Records, [.. "{\"records\":[{\"value\":\""u8, 0xED, 0xA0, 0x80, .. "\"}]}"u8]);
        yield return new("POST", Records, [.. "{\"records\":[{\"value\":\""u8, 0xC0, 0x80, .. "\"}]}"u8]);
        yield return new("POST", Records, Encoding.Unicode.GetBytes("{\"records\":[{\"value\":1}]}"));
        yield return new("POST", Records, new byte[100]);
        yield return new("POST", Records, new byte[16 * 1024 * 1024 + 1]);
    }

    private static IEnumerable<MalformedRequest> RecordFields()
    {
        foreach (var record in new[] { "null", "1", "\"a\"", "true", "[]" })
            yield return Record(record, "");
        yield return Record("{}", ".value");
        yield return Record("""{"key":"k"}""", ".value");
        foreach (var name in new[] { "valu", "Value", "topic", "offset", "header", "" })
            yield return Record($$"""{"value":1,"{{name}}":1}""", $".{name}");
        foreach (var field in new[] { "\"value\":1", "\"key\":\"a\"", "\"partition\":0", "\"timestamp\":1", "\"headers\":[]", "\"key_type\":\"json\"" })
            yield return Record($$"""{"value":1,{{field}},{{field}} }""", null);
        foreach (var key in new[] { "1", "true", "{}", "[]" })
            yield return Record($$"""{"value":1,"key":{{key}} }""", ".key");
        foreach (var value in new[] { "1", "false", "{}", "[1]" })
        {
            yield return Record($$"""{"value":{{value}} ,"value_type":"string"}""", ".value");
            yield return Record($$"""{"value":{{value}},"value_type":"binary"}""", ".value");
        }

        foreach (var base64 in new[] { "a", "ab", "abc", "abc=d", "ab==ab==", "a b=", "YQ =", "YQ==\\n", "Y-_=", "é===", "====" })
        {
            yield return Record($$"""{"value":"{{base64}}","value_type":"binary"}""", ".value");
            yield return Record($$"""{"value":1,"key":"{{base64}}","key_type":"binary"}""", ".key");
        }

        foreach (var text in new[] { "\\ud800", "\\udc00", "\\ud800\\ud800", "\\udbffx", "a\\\\\\ud83d" })
        {
            yield return Record($$"""{"value":"{{text}}"}""", ".value");
            yield return Record($$"""{"value":{"a":["{{text}}"]} }""", ".value");
            yield return Record($$"""{"value":1,"key":"{{text}}"}""", ".key");
            yield return Record($$"""{"value":1,"headers":[{"key":"{{text}}","value":"v"}]}""", ".headers[0].key");
            yield return Record($$"""{"value":1,"headers":[{"key":"k","value":"{{text}}"}]}""", ".headers[0].value");
        }

        foreach (var partition in new[] { "-1", "1.5", "\"0\"", "true", "[]", "2147483648", "1e30", "99999999999999999999" })
            yield return Record($$"""{"value":1,"partition":{{partition}} }""", ".partition");
        string[] timestamps =
        [
            "-1", "1.5", "true", "{}", "\"\"", "\"now\"", "\"2026-06-11\"", "\"2026-06-11T19:20:00\"", "\"2026-13-11T19:20:00Z\"",
            "\"2026-06-31T19:20:00Z\"", "\"2026-06-11T25:20:00Z\"", "\"2026-06-11 19:20:00Z\"", "\"11.06.2026\"", "253402300800000",
            "99999999999999999999", "1e400", "\"1969-12-31T23:59:59Z\"", "\"1234567890\"",
        ];
        foreach (var timestamp in timestamps)
            yield return Record($$"""{"value":1,"timestamp":{{timestamp}} }""", ".timestamp");
        foreach (var headers in new[] { "1", "\"a\"", "{}", "true" })
            yield return Record($$"""{"value":1,"headers":{{headers}} }""", ".headers");
        foreach (var header in new[] { "1", "null", "\"a\"", "[]" })
            yield return Record($$"""{"value":1,"headers":[{{header}}]}""", ".headers[0]");
        yield return Record("""{"value":1,"headers":[{"key":"a","value":"b"},{}]}""", ".headers[1].key");
        yield return Record("""{"value":1,"headers":[{"value":"b"}]}""", ".headers[0].key");
        yield return Record("""{"value":1,"headers":[{"key":"a"}]}""", ".headers[0].value");
        yield return Record("""{"value":1,"headers":[{"key":null,"value":"b"}]}""", ".headers[0].key");
        yield return Record("""{"value":1,"headers":[{"key":1,"value":"b"}]}""", ".headers[0].key");
        yield return Record("""{"value":1,"headers":[{"key":"a","value":1}]}""", ".headers[0].value");
        yield return Record("""{"value":1,"headers":[{"key":"a","value":"b","x":1}]}""", ".headers[0].x");
        yield return Record("""{"value":1,"headers":[{"key":"a","value":"b","key":"a"}]}""", ".headers[0].key");
        yield return Record("""{"value":1,"headers":[{"key":"a","value":"b","value_type":"json"}]}""", ".headers[0].value_type");
        yield return Record("""{"value":1,"headers":[{"key":"a","value":"?","value_type":"binary"}]}""", ".headers[0].value");
        yield return Record(
            $$"""{"value":1,"headers":[{{string.Join(',', Enumerable.Repeat("{\"key\":\"a\",\"value\":\"b\"}", 101))}}]}""", ".headers");
        yield return Post("""{"records":[{"value":1,"partition":0}]}""", "records[0].partition", Partition);
        yield return Post("""{"records":[{"value":1,"partition":7}]}""");
    }

    private static IEnumerable<MalformedRequest> RawBodies()
    {
        var batch = OneBatch();
        yield return new("POST", Records, [], BodyKinds.Batch);
        yield return new("POST", Records, new byte[10], BodyKinds.Batch);
        yield return new("POST", Records, new byte[200], BodyKinds.Batch);
        foreach (var length in new[] { 1, 11, 12, 16, 17, 60, 61, batch.Length - 1 })
            yield return new("POST", Records, batch[..length], BodyKinds.Batch);
        foreach (var position in new[] { 8, 9, 16, 17, 20, 21, 23, 26, 43, 57, 60, 61, batch.Length - 1 })
        {
            byte[] damaged = [.. batch];
            damaged[position] ^= 0x41;
            yield return new("POST", Partition, damaged, BodyKinds.Batch);
        }

        yield return new("POST", Partition, [.. batch, 0], BodyKinds.Batch);
        yield return new("POST", Partition, [0xFF, 0xFE], "text/plain");
        yield return new("POST", Partition, new byte[4 * 1024 * 1024], "application/octet-stream");
    }
}

using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Rest.Json;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>What takes lines from a text (Python's <c>splitlines</c>, <c>iter_lines</c> of requests) knows more line ends than JSON does.</summary>
[Collection(ApiTests.Name)]
public class UnicodeLineEndsTests(ApiFixture api)
{
    private const string Torn = "a\u0085b\u2028c\u2029d\u00a0\u00c2\u20ac\u2027\u202a\U0001f600";

    [Fact]
    public void Escape_WhateverTheJson_ChangesItsBytesAndNotItsMeaning()
    {
        var piece = OneOf("\u0085", "\u2028", "\u2029", "a", "\u00c2", "\u20ac", "\u00e2\u0080", "\\n", "\\\\", "\u00a9", "\U0001f600", " ");
        piece.Array[0, 12].Select(string.Concat).Sample(text =>
        {
            var json = Encoding.UTF8.GetBytes($"{{\"{text}\":[\"{text}\"]}}");
            var escaped = new byte[UnicodeLineEnds.EscapedBytesMax(json.Length)];
            var written = Encoding.UTF8.GetString(escaped.AsSpan(0, UnicodeLineEnds.Escape(json, escaped)));
            Assert.False(IsTorn(written), written);
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), JsonNode.Parse(written)));
        }, iter: 10_000);
    }

    [Fact]
    public async Task Answers_WhateverIsInThem_AreOneLineToEveryReader()
    {
        var topic = await api.CreateTopicAsync();
        var value = $$"""{"{{Torn}}":["{{Torn}}"]}""";
        var record = $$"""{"key":"{{Torn}}","value":{{value}},"headers":[{"key":"{{Torn}}","value":"{{Torn}}"}]}""";
        await api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{{record}},{"value":"{{Torn}}","value_type":"string"}]}""");
        var fetched = await GetAsync($"/v1/topics/{topic}/partitions/0/records");
        var first = JsonNode.Parse(fetched)!["records"]![0]!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(value), first["value"]));
        Assert.Equal(Torn, (string?)first["key"]);
        string[] answers =
        [
            fetched, await GetAsync($"/v1/topics/{topic}/records?from=earliest&limit=2"), await GetAsync($"/v1/topics/{topic}/partitions/0/records?value_as=string"),
            await SendAsync(HttpMethod.Post, $"/v1/groups/{topic}/members/m/poll", $$"""{"topics":["{{topic}}"]}"""),
            await SendAsync(HttpMethod.Post, $"/v1/topics/{topic}/records", $$"""{"{{Torn}}":1}"""),
            await SendAsync(HttpMethod.Post, $"/v1/topics/{topic}/records", $$"""{"{{Torn}}":1}""" + "\n{\"value\":1}\n", "application/x-ndjson"),
            await GetAsync($"/v1/topics?{Uri.EscapeDataString(Torn)}=1"), await GetAsync($"/v1/topics?limit={Uri.EscapeDataString(Torn)}"),
        ];
        Assert.All(answers, answer => Assert.False(IsTorn(answer), answer));
        // The names and texts are in the answers, as escapes.
        Assert.All(answers, answer => Assert.Contains("\\u2028", answer, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Fetch_OfBytes_GivesThemAsTheyAre()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":"{{Torn}}"}]}""");
        var fetched = await GetAsync($"/v1/topics/{topic}/partitions/0/records?value_as=binary");
        Assert.Equal($"\"{Torn}\"", Encoding.UTF8.GetString(Convert.FromBase64String((string)JsonNode.Parse(fetched)!["records"]![0]!["value"]!)));
    }

    private static bool IsTorn(string text) => text.AsSpan().ContainsAny('\u0085', '\u2028', '\u2029');

    private Task<string> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    private async Task<string> SendAsync(HttpMethod method, string path, string? body, string type = "application/json")
    {
        using var request = new HttpRequestMessage(
            method, path) { Content = body is null ? null : ApiFixture.Body(Encoding.UTF8.GetBytes(body), type) };
        using var response = await api.SendAsync(request);
        return await ApiFixture.TextAsync(response);
    }

    private static Gen<T> OneOf<T>(params T[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);
}

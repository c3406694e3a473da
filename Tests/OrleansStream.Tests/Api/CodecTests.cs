using System.IO.Compression;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using OrleansStream.Records;
using OrleansStream.Rest.Http.Codings;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Each of Kafka's codecs through produce, store and fetch; and bombs.</summary>
[Collection(ApiTests.Name)]
public class CodecTests(ApiFixture api)
{
    private static readonly string Text = string.Concat(Enumerable.Repeat("goal ", 200));

    public static TheoryData<CompressionType> Codecs =>
        [CompressionType.None, CompressionType.Gzip, CompressionType.Snappy, CompressionType.Lz4, CompressionType.Zstd];

    [Theory, MemberData(nameof(Codecs))]
    public async Task Post_OfABatch_IsStoredInItsCodecAndReadAsBatchAndAsJson(CompressionType codec)
    {
        var topic = await api.CreateTopicAsync();
        var batch = StrangeBatch.Sound(codec, Text, "second");
        using var stored = await api.PostAsync(
            $"/v1/topics/{topic}/partitions/0/records", ApiFixture.Body(batch, BodyKinds.Batch));
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);

        var fetched = await FetchAsync(topic);
        Assert.True(RecordBatchHeader.TryRead(fetched, out var header));
        Assert.Equal(codec, header.Compression);
        // The records' own bytes are never touched on the way.
        Assert.Equal(batch[RecordBatchHeader.HeaderLengthBytes..], fetched[RecordBatchHeader.HeaderLengthBytes..]);
        await AssertJsonAsync(topic);
    }

    [Theory, MemberData(nameof(Codecs))]
    public async Task Post_OfJson_IsStoredInTheTopicsCodec(CompressionType codec)
    {
        var name = codec == CompressionType.None ? "uncompressed" : codec.ToString().ToLowerInvariant();
        var topic = await api.CreateTopicAsync(config: $$"""{"compression.type":"{{name}}"}""");
        await api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":"{{Text}}"},{"value":"second"}],"value_type":"string"}""");

        var fetched = await FetchAsync(topic);
        Assert.True(RecordBatchHeader.TryRead(fetched, out var header));
        Assert.Equal(codec, header.Compression);
        Assert.True(codec == CompressionType.None ? fetched.Length > Text.Length : fetched.Length < Text.Length / 2, $"{fetched.Length} bytes");
        await AssertJsonAsync(topic);
    }

    [Theory]
    [InlineData(CompressionType.Zstd, "lz4")]
    [InlineData(CompressionType.Gzip, "lz4")]
    [InlineData(CompressionType.Lz4, "zstd")]
    public async Task Post_OfABatchThatIsABomb_IsRefusedWhereItMustBeOpened(CompressionType codec, string stored)
    {
        var topic = await api.CreateTopicAsync(config: $$"""{"compression.type":"{{stored}}"}""");
        var bomb = StrangeBatch.Bomb(codec);
        Assert.InRange(bomb.Length, 0, 1_000_000);
        using var response = await api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body(bomb, BodyKinds.Batch));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal("CORRUPT_MESSAGE", (string?)problem["error_code"]);
        Assert.Equal(0, (long)(await api.GetAsync($"/v1/topics/{topic}/partitions/0/records"))["high_watermark"]!);
    }

    // A batch with a producer of its own is written anew as one. No batch could begin with the first of these records and tell the second's time.
    [Fact]
    public async Task Post_OfABatchWhoseTimesAreTooFarApart_IsRefusedWhereItIsCompressedAnew()
    {
        var topic = await api.CreateTopicAsync(config: """{"compression.type":"zstd"}""");
        byte[] records = [.. LyingBatch.Record(0, long.MinValue), .. LyingBatch.Record(1, long.MaxValue)];
        var batch = LyingBatch.Of(CompressionType.Gzip, records, count: 2, baseTimestampMs: 0, maxTimestampMs: 0);
        var id = (long)(await api.PostAsync("/v1/producers", "", status: 201))["producer_id"]!;
        RecordBatchHeader.StampProducer(batch, id, epoch: 0, baseSequence: 0);
        RecordBatchHeader.StampCrc(batch);

        using var response = await api.PostAsync($"/v1/topics/{topic}/partitions/0/records", ApiFixture.Body(batch, BodyKinds.Batch));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var answer = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal("INVALID_TIMESTAMP", (string?)Assert.Single(answer["results"]!.AsArray())!["error"]!["error_code"]);
        Assert.Equal(0, (long)(await api.GetAsync($"/v1/topics/{topic}/partitions/0/records"))["high_watermark"]!);
    }

    // Each batch alone is within its bound.
    [Fact]
    public async Task Post_OfManySmallBatchesThatUnfoldToMuch_IsRefusedWhereTheyAreDivided()
    {
        var topic = await api.CreateTopicAsync(partitions: 4);
        var batch = Batches.Of(new RecordBatchOptions { Compression = CompressionType.Zstd }, ("key", new string('x', 1_000_000)));
        byte[] batches = [.. Enumerable.Repeat(batch, 200).SelectMany(one => one)];
        Assert.InRange(batches.Length, 0, 200_000);
        using var response = await api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body(batches, BodyKinds.Batch));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("RECORD_LIST_TOO_LARGE", (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["error_code"]);

        // As they are, they are only checked.
        var path = $"/v1/topics/{topic}/partitions/1/records";
        using var named = await api.PostAsync(path, ApiFixture.Body(batches, BodyKinds.Batch));
        Assert.Equal(HttpStatusCode.OK, named.StatusCode);
        using var more = await api.PostAsync(path, ApiFixture.Body([.. batches, .. batches], BodyKinds.Batch));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, more.StatusCode);
        Assert.Equal(200, (long)(await api.GetAsync($"{path}?limit=1"))["high_watermark"]!);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("zstd")]
    public async Task Get_WithAcceptEncoding_AnswersInIt(string encoding)
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":"{{Text}}"}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/partitions/0/records");
        request.Headers.Add("Accept-Encoding", encoding);
        using var response = await api.SendAsync(request);

        Assert.Equal([encoding], response.Content.Headers.ContentEncoding);
        await using var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        await using Stream plain = encoding switch
        {
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            _ => new ZstdSharp.DecompressionStream(body),
        };
        var read = (await JsonNode.ParseAsync(plain, cancellationToken: TestContext.Current.CancellationToken))!;
        Assert.Equal(Text, (string?)Assert.Single(read["records"]!.AsArray())!["value"]);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("identity", false)]
    [InlineData("Identity", false)]
    [InlineData("gzip, deflate", true)]
    [InlineData("identity, gzip", true)]
    public void IsWanted_OfWhatACallerAccepts_IsTrueWhenItNamesACoding(string? accepted, bool isWanted)
    {
        var context = new DefaultHttpContext();
        if (accepted is not null)
            context.Request.Headers.AcceptEncoding = accepted;

        Assert.Equal(isWanted, ContentCoding.IsWanted(context));
    }

    private async Task<byte[]> FetchAsync(string topic)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/partitions/0/records");
        request.Headers.Add("Accept", BodyKinds.Batch);
        using var response = await api.SendAsync(request);
        return await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
    }

    private async Task AssertJsonAsync(string topic)
    {
        var read = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?value_as=string");
        Assert.Equal([Text, "second"], read["records"]!.AsArray().Select(record => (string?)record!["value"]));
    }
}

using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Partitions;
using OrleansStream.Rest.Produce;
using OrleansStream.Tests.Support;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Api;

/// <summary>What a record more costs in memory, from the body of a request to its answer: nothing.</summary>
public sealed class ProduceMemoryTests
{
    private const int RequestCount = 200;
    private static readonly ForgetfulBody Sink = new();

    [Theory]
    [InlineData("""{"value":"a text of some length, as events have"}""", "string")]
    [InlineData("""{"key":"match-7","value":{"event":"goal","minute":80,"by":["a","b"]},"headers":[{"key":"source","value":"stadium"}]}""", "json")]
    [InlineData("""{"value":"an \"escaped\" text, of \u00e9","timestamp":1781205600000,"partition":0}""", "string")]
    public void Produce_OfMoreRecords_AllocatesNoMore(string record, string valueType)
    {
        var bodies = new Dictionary<int, byte[]>();
        Allocations.AssertNoneForARecordMore(
            count =>
            {
                if (!bodies.TryGetValue(count, out var body))
                    bodies[count] = body = Body(record, valueType, count);
                var produced = ProduceAsync(body);
                Assert.True(produced.IsCompletedSuccessfully, "It waited, or failed: what it allocated is not all known.");
            },
            RequestCount);
    }

    [Fact]
    public async Task WriteAsync_OfAnAnswerOfOnePiece_SendsNothingBeforeItsEnd()
    {
        using var records = new RecordCollector(1_781_205_600_000);
        ProduceJson.Parse(Body("""{"value":1}""", "json", 100), isPartitionFixed: false, records);
        var sent = new MemoryStream();
        var context = new DefaultHttpContext();
        context.Response.Body = sent;
        using var results = new ProduceResults();
        results.Add(new RecordsAppendResponse([new AppendPart(0, 100, new AppendResponse(null, 17, -1, 0))], default), records);
        await results.WriteAsync(context, asLines: false);
        Assert.Equal(0, sent.Length);
        await context.Response.CompleteAsync();
        Assert.EndsWith("]}", Encoding.UTF8.GetString(sent.ToArray()), StringComparison.Ordinal);
    }

    /// <summary>Produces so many requests. Nothing waits, so all of it runs on this thread.</summary>
    private static async Task ProduceAsync(byte[] body)
    {
        for (var i = 0; i < RequestCount; i++)
        {
            using var records = new RecordCollector(1_781_205_600_000, body.Length);
            ProduceJson.Parse(body, isPartitionFixed: false, records);
            Assert.NotEqual(0, records.Finish().Length);
            var part = new AppendPart(0, records.Count, new AppendResponse(null, BaseOffset: 17, LogAppendTimeMs: -1, LogStartOffset: 0));
            var context = new DefaultHttpContext();
            context.Features.Set<IHttpResponseBodyFeature>(Sink);
            using var results = new ProduceResults();
            results.Add(new RecordsAppendResponse([part], default), records);
            await results.WriteAsync(context, asLines: false);
        }
    }

    private static byte[] Body(string record, string valueType, int count) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $$"""{"value_type":"{{valueType}}","records":[{{string.Join(',', Enumerable.Repeat(record, count))}}]}"""));

    /// <summary>The body of an answer that nobody reads.</summary>
    private sealed class ForgetfulBody : PipeWriter, IHttpResponseBodyFeature
    {
        private readonly byte[] _memory = new byte[64 * 1024];

        public Stream Stream => Stream.Null;

        public PipeWriter Writer => this;

        public override void Advance(int bytes)
        {
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _memory;

        public override Span<byte> GetSpan(int sizeHint = 0) => _memory;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public void DisableBuffering()
        {
        }

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task CompleteAsync() => Task.CompletedTask;
    }
}

using System.Net;
using System.Reflection;
using System.Text;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Tests.Producers;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Api;

/// <summary>An ndjson stream whose chunks are stored while calls that were given up may still read them.</summary>
public sealed class LineStrayTests : IAsyncLifetime
{
    private readonly ITopicRouterGrain _router = DispatchProxy.Create<ITopicRouterGrain, ScriptedRouter>();
    private LoneApi _api = null!;

    public async ValueTask InitializeAsync() => _api = await LoneApi.StartAsync(_router);

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    // Short ones go out as they come, and long ones take a chunk, or a batch of it, each: then what is pooled would be returned.
    [Theory]
    [InlineData(1)]
    [InlineData(600_000)]
    [InlineData(1_000_000)]
    public async Task Post_WhenAChunksBatchesMayStillBeRead_SendsEachRecordOnceAndLeavesThemAsTheyWere(int valueLength)
    {
        const int Count = 5;
        using var appended = new SemaphoreSlim(0);
        var calls = new List<(ReadOnlyMemory<byte> Batches, byte[] AsSent)>();
        for (var i = 0; i < Count; i++)
        {
            ((ScriptedRouter)_router).Calls.Enqueue(request =>
            {
                calls.Add((request.Batches, request.Batches.ToArray()));
                appended.Release();
                return new RecordsAppendResponse(
                    [new AppendPart(0, 1, new AppendResponse(null, calls.Count - 1, -1, 0))], default) { HasStrays = true };
            });
        }

        string[] values = [.. Enumerable.Range(0, Count).Select(i => new string((char)('a' + i), valueLength))];
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/topics/t/records") { Content = new Lines(values, appended) };
        request.Headers.Add("Acks", "0");
        using var response = await _api.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(values, calls.SelectMany(call => ValuesOf(call.AsSent)));
        Assert.All(calls, call => Assert.Equal(call.AsSent, call.Batches.ToArray()));
    }

    private static List<string> ValuesOf(byte[] batches)
    {
        var values = new List<string>();
        var scanner = new RecordBatchScanner(batches);
        while (scanner.MoveNext())
        {
            using var reader = new RecordBatchReader(batches.AsSpan(scanner.Position..scanner.NextPosition));
            while (reader.TryReadNext(out var view))
                values.Add(Encoding.UTF8.GetString(view.Value).Trim('"'));
        }

        return values;
    }

    // Each line comes when the one before it was appended, and the end after that.
    private sealed class Lines : HttpContent
    {
        private readonly string[] _values;
        private readonly SemaphoreSlim _appended;

        public Lines(string[] values, SemaphoreSlim appended)
        {
            (_values, _appended) = (values, appended);
            Headers.ContentType = new("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var value in _values)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes($"{{\"value\":\"{value}\"}}\n"));
                await stream.FlushAsync();
                Assert.True(await _appended.WaitAsync(TimeSpan.FromSeconds(30)), "A line was not appended while the body went on.");
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

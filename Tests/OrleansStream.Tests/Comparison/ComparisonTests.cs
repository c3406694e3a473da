using System.Net;
using System.Net.Sockets;
using OrleansStream.Comparison;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;
using OrleansStream.Records;

namespace OrleansStream.Tests.Comparison;

/// <summary>The benchmark runner's own parts, without a peer and without a clock.</summary>
public sealed class ComparisonTests
{
    [Theory]
    [InlineData(3, new double[] { 5, 1, 3 })]
    [InlineData(2.5, new double[] { 4, 1, 2, 3 })]
    [InlineData(7, new double[] { 7 })]
    public void Median_OfOddAndEvenCounts_IsTheMiddle(double median, double[] values) =>
        Assert.Equal(median, Statistics.Median(values));

    [Theory]
    [InlineData(0.5, 50)]
    [InlineData(0.99, 99)]
    [InlineData(1, 100)]
    [InlineData(0.001, 1)]
    public void Percentile_IsTheNearestRank(double part, double expected) =>
        Assert.Equal(expected, Statistics.Percentile([.. Enumerable.Range(1, 100).Select(i => (double)i)], part));

    [Fact]
    public void Figure_HoldsTheRatioOrTheValueAgainstItsTarget()
    {
        var ratio = new Figure("a", "rec/s", 30, "b", 10, Target.AtLeast(3));
        Assert.Equal((3.0, true), (ratio.Value, ratio.IsMet));
        Assert.False((ratio with { Ours = 29 }).IsMet);
        Assert.True(Figure.Alone("a", "s", 0.5, Target.AtMost(1)).IsMet);
        Assert.False(Figure.Alone("a", "s", 1.5, Target.AtMost(1)).IsMet);
        Assert.Null(Figure.Alone("a", "s", 1.5, Target.None).IsMet);
    }

    [Fact]
    public void Page_SaysWhatWasMissed()
    {
        Figure[] figures = [new("path", "rec/s", 10, "peer", 10, Target.AtLeast(3))];
        Assert.Contains("| path | 10.0 rec/s | peer | 10.0 rec/s | 1.00× | ≥ 3× | **missed** |", Page.Table(figures));
        Assert.Contains("\"met\": false", Page.Json(figures, ["Redis is absent."]));
    }

    [Theory]
    [InlineData("--quick --json x --rows json,fetch", true)]
    [InlineData("scaling --page y", true)]
    [InlineData("--json", false)]
    [InlineData("--fast", false)]
    public void Arguments_AreUnderstoodOrRefused(string line, bool isUnderstood) =>
        Assert.Equal(isUnderstood, Arguments.TryParse(line.Split(' '), out _, out _));

    [Fact]
    public void SampleRecords_AreWhatTheyAreCalled()
    {
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(SampleRecords.Batch(SampleRecords.Text(100), 7), out var header, out _));
        Assert.Equal(7, header.RecordCount);
        using var body = System.Text.Json.JsonDocument.Parse(SampleRecords.JsonBody(SampleRecords.Nested(600), isText: false, 3, "1"));
        Assert.Equal(3, body.RootElement.GetProperty("records").GetArrayLength());
    }

    [Fact]
    public async Task Load_AgainstAServerThatAnswers_CountsEachAnswerOnce()
    {
        using var server = new FixedAnswerServer("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"offset\":1}");
        var exchange = ProduceExchange.OfRecords(new RepeatedRequest("0123456789"u8, 1), 1, 10);
        var tally = await Task.Run(() => Filler.Fill(new LoadPlan(server.Port, 2, 1, _ => exchange), 20));
        Assert.InRange(tally.Answers, 20, 21);
        Assert.Equal(tally.Answers, tally.Records);
    }

    [Fact]
    public async Task Load_WhenAnAnswerIsNoSuccess_IsVoid()
    {
        using var server = new FixedAnswerServer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        var exchange = ProduceExchange.OfRecords(new RepeatedRequest("0123456789"u8, 1), 1, 10);
        await Assert.ThrowsAsync<UnexpectedAnswerException>(
            () => Task.Run(() => Filler.Fill(new LoadPlan(server.Port, 1, 1, _ => exchange), 1)));
    }

    [Fact]
    public void Find_OfAProgramThatIsAbsent_IsNull() => Assert.Null(ChildProcess.Find("no-such-program-anywhere"));

    /// <summary>Answers every ten bytes alike.</summary>
    private sealed class FixedAnswerServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly byte[] _answer;

        public FixedAnswerServer(string answer)
        {
            _answer = System.Text.Encoding.ASCII.GetBytes(answer);
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                    _ = ServeAsync(await _listener.AcceptTcpClientAsync());
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private async Task ServeAsync(TcpClient client)
        {
            using var owned = client;
            var request = new byte[10];
            while (await client.GetStream().ReadAtLeastAsync(request, request.Length, throwOnEndOfStream: false) == request.Length)
                await client.GetStream().WriteAsync(_answer);
        }
    }
}

using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Ctrl-C, and what a service manager sends: what is under way is finished, and the process ends with 0.</summary>
public sealed class StopTests
{
    private const int FlushIntervalMs = 2_000;
    private const int InFlightCount = 8;

    [Theory]
    [InlineData(Signals.Interrupt)]
    [InlineData(Signals.Terminate)]
    public async Task Stop_WhenAppendsAreUnderWay_AcknowledgesThemAndExitsWithZero(int signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");
        Assert.SkipWhen(Signals.IsIgnored(signal), "The tests were started with this signal ignored, and so is the service.");
        using var folder = new ScratchFolder();
        Place[] places;
        await using (var service = await ServiceProcess.StartAsync(folder.PathOf("data")))
        {
            using var client = service.Connect();
            // The first append goes to the store at once; those behind it wait for the interval, and so are under way for long.
            await client.CreateTopicAsync("drained", 1, new JsonObject { ["flush.interval.ms"] = FlushIntervalMs });
            await client.ProduceAsync("drained", new JsonObject { ["value"] = 0 });
            var appends = Enumerable.Range(1, InFlightCount)
                .Select(i => client.ProduceAsync("drained", new JsonObject { ["value"] = i })).ToList();
            var poll = client.GetAsync("/v1/topics/drained/partitions/0/records?from=latest&wait_ms=20000");
            await Wait.ForAsync(TimeSpan.FromMilliseconds(FlushIntervalMs / 4));
            Assert.DoesNotContain(appends, append => append.IsCompleted);

            var stopped = Stopwatch.GetTimestamp();
            service.Signal(signal);
            places = [.. (await Task.WhenAll(appends)).SelectMany(place => place)];
            Assert.Equal(0, await service.WaitForExitAsync());
            Assert.True(Stopwatch.GetElapsedTime(stopped) < TimeSpan.FromSeconds(15), $"It took {Stopwatch.GetElapsedTime(stopped)}.");
            Assert.True((await poll).Status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable);
            Assert.Empty(service.Errors);
        }

        Assert.Equal(Enumerable.Range(1, InFlightCount).Select(offset => (long)offset), places.Select(place => place.Offset).Order());
        await using var next = await ServiceProcess.StartAsync(folder.PathOf("data"));
        using var nextClient = next.Connect();
        var read = await nextClient.ReadAllAsync("drained", 0);
        Assert.Equal(InFlightCount + 1, read.Count);
        for (var i = 1; i <= InFlightCount; i++)
            Assert.Equal(i, (int)read[(int)places[i - 1].Offset].Value!);
    }
}

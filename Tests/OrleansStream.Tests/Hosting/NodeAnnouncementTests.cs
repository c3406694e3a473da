using System.Collections.Concurrent;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Api.Hosting;
using OrleansStream.Cluster;
using OrleansStream.Randomness;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Hosting;

/// <summary>What an Api node tells the cluster of itself, from its start to its end.</summary>
public sealed class NodeAnnouncementTests : IDisposable
{
    private readonly StoppableLifetime _lifetime = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _told = [];

    public void Dispose() => _lifetime.Dispose();

    [Fact]
    public async Task Node_AnnouncesItselfAgainAndAgain_AndLeavesWhenItsStopBegins()
    {
        using var announcement = Make(() => Task.CompletedTask);
        await announcement.StartAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync("it is announced", () => _told.Count == 1);
        await Wait.UntilAsync("it is announced again", () =>
        {
            _time.Advance(ApiNodeLimits.AnnouncePeriod);
            return _told.Count > 1;
        });

        _lifetime.StopApplication();

        await Wait.UntilAsync("it has left", () => _told.Contains(nameof(IApiNodesGrain.LeaveAsync)));
        await announcement.StopAsync(TestContext.Current.CancellationToken);
        Assert.Single(_told, nameof(IApiNodesGrain.LeaveAsync));
    }

    // The silo in its process may refuse the call because it stops, too.
    [Fact]
    public async Task Node_WhoseAnnouncementFailsAsTheStopBegins_LeavesAllTheSame()
    {
        using var announcement = Make(() =>
        {
            _lifetime.StopApplication();
            throw new InvalidOperationException("The silo stops.");
        });

        await announcement.StartAsync(TestContext.Current.CancellationToken);

        await Wait.UntilAsync("it has left", () => _told.Contains(nameof(IApiNodesGrain.LeaveAsync)));
        await announcement.ExecuteTask!;
    }

    private NodeAnnouncement Make(Func<Task> announce)
    {
        var grain = Answering.By<IApiNodesGrain>((method, _) =>
        {
            _told.Enqueue(method.Name);
            return new ValueTask(method.Name == nameof(IApiNodesGrain.AnnounceAsync) ? announce() : Task.CompletedTask);
        });
        var server = Answering.By<IServer>((_, _) => new FeatureCollection());
        return new NodeAnnouncement(
            Answering.By<IGrainFactory>((_, _) => grain), server, _lifetime, _time, RandomSource.System, NullLogger<NodeAnnouncement>.Instance);
    }
}

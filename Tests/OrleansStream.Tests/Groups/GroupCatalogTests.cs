using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>The catalogue of groups has each group that exists, also one that is created while its name is being removed.</summary>
public sealed class GroupCatalogTests : IAsyncLifetime
{
    private const string Group = "readers";

    private readonly HeldCalls _calls = new();
    private readonly ApiFixture _api;

    public GroupCatalogTests() => _api = new ApiFixture(
        TimeProvider.System, services => services.AddPatientCalls().AddSingleton<IIncomingGrainCallFilter>(_calls));

    private IConsumerGroupGrain Grain => _api.Grains.GetGrain<IConsumerGroupGrain>(Group);

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Expiry_OfAGroupThatACrashLeftThere_RemovesItsName()
    {
        Assert.Null(await _api.Grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key).RegisterAsync(Group));
        Assert.Equal([Group], await ListAsync());

        await Grain.ExpireAsync();

        Assert.Empty(await ListAsync());
    }

    // The poll has registered the group, and asks for its topics.
    [Fact]
    public async Task Expiry_WhileAPollCreatesTheGroup_LeavesItThere()
    {
        var topic = await _api.CreateTopicAsync();
        var held = _calls.Hold(nameof(ITopicCatalogGrain.FilterAsync));
        var poll = PollAsync(topic);
        await held.Begun;

        await Grain.ExpireAsync();
        held.LetGo();

        await poll;
        Assert.Equal([Group], await ListAsync());
    }

    [Fact]
    public async Task Poll_WhileTheNameIsBeingRemoved_RegistersTheGroupBehindThat()
    {
        var topic = await _api.CreateTopicAsync();
        Assert.Null(await _api.Grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key).RegisterAsync(Group));
        var removal = _calls.Hold(nameof(IGroupCatalogGrain.RemoveAsync));
        var begun = _calls.Note(nameof(IConsumerGroupGrain.PollAsync));
        var expiry = Grain.ExpireAsync();
        await removal.Begun;
        var registered = _calls.Note(nameof(IGroupCatalogGrain.RegisterAsync));
        var poll = PollAsync(topic);
        await begun;
        // Both grains take these calls behind what the poll has begun.
        await Grain.DescribeAsync();
        await ListAsync();
        Assert.False(registered.IsCompleted);

        removal.LetGo();

        await expiry;
        await poll;
        Assert.Equal([Group], await ListAsync());
    }

    // The group's calls and its timer go on, however long the catalogue's silo hangs.
    [Fact]
    public async Task Poll_OfAStoredGroup_DoesNotWaitForTheCatalogueAndTheGroupIsRegisteredBesideIt()
    {
        var topic = await _api.CreateTopicAsync();
        await PollAsync(topic);
        await _api.Grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key).RemoveAsync(Group);
        await Grain.AsReference<IGrainManagementExtension>().DeactivateOnIdle();
        var registration = _calls.Hold(nameof(IGroupCatalogGrain.RegisterAsync));

        // By the grain itself: the service would ask again after some seconds.
        var poll = Grain.PollAsync(new GroupPollRequest("another", [topic], Token: null, [], GroupLimits.LeaseMsDefault));
        Assert.Null((await poll.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken)).Error);

        await registration.Begun;
        Assert.Empty(await ListAsync());
        registration.LetGo();
        await Wait.UntilAsync("the group is registered", async () => (await ListAsync()).Contains(Group));
    }

    private async Task PollAsync(string topic) =>
        await _api.PostAsync($"/v1/groups/{Group}/members/m/poll", $$"""{"topics":["{{topic}}"]}""");

    private async Task<IEnumerable<string>> ListAsync() =>
        (await _api.GetAsync("/v1/groups"))["groups"]!.AsArray().Select(group => (string)group!["group"]!);

    /// <summary>Calls of some methods wait, each the next one only, until the test lets them go.</summary>
    private sealed class HeldCalls : IIncomingGrainCallFilter
    {
        private readonly ConcurrentDictionary<string, HeldCall> _held = [];

        public HeldCall Hold(string method) => _held[method] = new HeldCall();

        /// <summary>Completes when a method is called next.</summary>
        public Task Note(string method)
        {
            var call = Hold(method);
            call.LetGo();
            return call.Begun;
        }

        public async Task Invoke(IIncomingGrainCallContext context)
        {
            if (_held.TryRemove(context.MethodName, out var call))
                await call.WaitAsync();
            await context.Invoke();
        }
    }

    private sealed class HeldCall
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Begun => _begun.Task;

        public void LetGo() => _goesOn.TrySetResult();

        public Task WaitAsync()
        {
            _begun.TrySetResult();
            return _goesOn.Task;
        }
    }
}

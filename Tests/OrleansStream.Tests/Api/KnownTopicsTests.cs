using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Api;

/// <summary>Which names are topics is known without asking each time, within bounds; which are not is never remembered.</summary>
public sealed class KnownTopicsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Catalog _catalog;
    private readonly KnownTopics _topics;

    public KnownTopicsTests()
    {
        var catalog = DispatchProxy.Create<ITopicCatalogGrain, Catalog>();
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = catalog;
        _catalog = (Catalog)(object)catalog;
        _topics = new KnownTopics(AccessControl.Open, grains, _time);
    }

    [Fact]
    public async Task Require_OfATopicThatWasThereLately_AsksOnce()
    {
        for (var i = 0; i < 3; i++)
            await RequireAsync("t");
        Assert.Equal(1, _catalog.AskedCount);
        Assert.True(_topics.IsKnown("t"));
    }

    [Fact]
    public async Task Require_OfATopicThatWasDeletedSince_IsRefusedAfterAWhile()
    {
        await RequireAsync("t");
        _catalog.Find = _ => Task.FromResult<TopicMetadata?>(null);
        _time.Advance(AdmissionLimits.TopicKnownAge);
        Assert.False(_topics.IsKnown("t"));
        var refused = await Assert.ThrowsAsync<StreamException>(() => RequireAsync("t"));
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, refused.Error.Code);
    }

    [Fact]
    public async Task Require_OfManyTopics_RemembersSoManyAndNoMore()
    {
        for (var i = 0; i < AdmissionLimits.TopicsKnownMax; i++)
            await RequireAsync($"t{i}");
        Assert.True(_topics.IsKnown("t0"));
        await RequireAsync("one more");
        Assert.True(_topics.IsKnown("one more"));
        Assert.False(_topics.IsKnown("t0"));
    }

    [Fact]
    public async Task Require_WhenTheCatalogueFailsOrIsSilent_LetsTheTopicItselfAnswer()
    {
        _catalog.Find = _ => Task.FromException<TopicMetadata?>(new TimeoutException());
        await RequireAsync("t");

        var silent = new TaskCompletionSource<TopicMetadata?>();
        _catalog.Find = _ => silent.Task;
        var asking = RequireAsync("t");
        Assert.False(asking.IsCompleted);
        _time.Advance(AdmissionLimits.TopicLookupMax);
        await asking;
        Assert.False(_topics.IsKnown("t"));
    }

    private Task RequireAsync(string name) => _topics.RequireAsync(Caller.Anonymous, name, TestContext.Current.CancellationToken).AsTask();

    /// <summary>The catalogue; it has every topic unless the test says otherwise.</summary>
    public class Catalog : DispatchProxy
    {
        /// <summary>How it finds one.</summary>
        public Func<string, Task<TopicMetadata?>> Find { get; set; } = name =>
            Task.FromResult<TopicMetadata?>(new TopicMetadata(name, Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default));

        /// <summary>How often it was asked.</summary>
        public int AskedCount { get; private set; }

        /// <inheritdoc/>
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            AskedCount++;
            return Find((string)args![0]!);
        }
    }
}

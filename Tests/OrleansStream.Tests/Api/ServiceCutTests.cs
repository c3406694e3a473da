using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Fetch;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>What a request's span can learn of a connection that is cut: whether the service has failed, or its client has left.</summary>
public sealed class ServiceCutTests : IDisposable
{
    private readonly StoppableLifetime _lifetime = new();
    private readonly Activity _span = new Activity("GET").SetIdFormat(ActivityIdFormat.W3C);
    private readonly DefaultHttpContext _context = new();
    private readonly ServiceCut _cut = new();

    public ServiceCutTests()
    {
        _span.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        _span.Start();
        _context.Features.Set(_cut);
        _context.Features.Set<IHttpResponseFeature>(new BegunAnswer());
    }

    public void Dispose()
    {
        _span.Dispose();
        _lifetime.Dispose();
    }

    [Fact]
    public async Task Cut_OfAnAnswerThatFails_IsTheServices()
    {
        await ServeAsync(new InvalidOperationException("inside"));

        Assert.True(_cut.IsCut);
    }

    [Fact]
    public async Task Cut_OfARequestWhoseClientHasLeft_IsNotTheServices()
    {
        _context.RequestAborted = new CancellationToken(canceled: true);

        await ServeAsync(new OperationCanceledException());

        Assert.False(_cut.IsCut);
        Assert.Equal(ActivityStatusCode.Unset, _span.Status);
    }

    // A browser's EventSource connects again only if its connection is cut. No status tells that the service could not serve it.
    [Fact]
    public async Task Cut_OfATailThatCannotBegin_IsAnErrorOfItsSpan()
    {
        _context.Features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        _context.SetEndpoint(new Endpoint(requestDelegate: null, new EndpointMetadataCollection(FetchOperations.Tail), displayName: null));

        await ServeAsync(new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition is moving.")));

        Assert.Equal((ActivityStatusCode.Error, "NOT_LEADER_OR_FOLLOWER"), (_span.Status, _span.GetTagItem("error.type")));
    }

    private Task ServeAsync(Exception failure) => new ProblemMiddleware(
        _ => throw failure, new BodyDrain(TimeProvider.System, _lifetime), new RepeatedFailures(TimeProvider.System),
        NullLogger<ProblemMiddleware>.Instance).InvokeAsync(_context);

    /// <summary>An answer of which the client has got a part.</summary>
    private sealed class BegunAnswer : HttpResponseFeature, IHttpResponseFeature
    {
        bool IHttpResponseFeature.HasStarted => true;
    }
}

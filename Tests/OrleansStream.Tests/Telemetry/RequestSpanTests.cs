using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using OrleansStream.HttpErrors;
using OrleansStream.Instrumentation;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Telemetry.Traces;

namespace OrleansStream.Tests.Telemetry;

/// <summary>The span of a request over HTTP: begun for traces that are recorded, and for no other.</summary>
public sealed class RequestSpanTests : IDisposable
{
    private const string Caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private readonly EndedSpans _ended = new();
    private readonly string _path = $"/v1/{Guid.NewGuid():N}";

    public void Dispose() => _ended.Dispose();

    [Fact]
    public async Task Request_ThatIsRecorded_HasTheAttributesOfAServersSpan()
    {
        await ServeAsync(isRecorded: true, context =>
        {
            Assert.NotNull(StreamTelemetry.Recorded);
            SetRoute(context);
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        });

        var span = Assert.Single(Ended());
        Assert.Equal("GET /v1/topics/{topic}", span.DisplayName);
        Assert.Equal(ActivityKind.Server, span.Kind);
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Assert.Equal(default, span.ParentSpanId);
        Assert.Equal(
            [
                "client.address=192.0.2.1", "http.request.method=GET", "http.response.status_code=404", "http.route=/v1/topics/{topic}", "network.protocol.version=1.1",
                "server.address=stream.test", "server.port=8080", $"url.path={_path}", "url.scheme=https", "user_agent.original=curl/8",
            ],
            span.TagObjects.Select(tag => $"{tag.Key}={tag.Value}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Request_WithACaller_ContinuesItsTrace()
    {
        await ServeAsync(isRecorded: true, _ => Task.CompletedTask, Caller);

        Assert.Equal(Caller, $"00-{Assert.Single(Ended()).TraceId}-{Assert.Single(Ended()).ParentSpanId}-01");
    }

    [Theory]
    [InlineData("none")]
    [InlineData("00-0-0-01")]
    public async Task Request_WithAWrongCaller_BeginsATrace(string caller)
    {
        await ServeAsync(isRecorded: true, _ => Task.CompletedTask, caller);

        Assert.Equal(default, Assert.Single(Ended()).ParentSpanId);
    }

    [Fact]
    public async Task Request_ThatIsNotRecorded_BeginsNoSpan()
    {
        await ServeAsync(isRecorded: false, _ =>
        {
            Assert.Null(Activity.Current);
            return Task.CompletedTask;
        });

        Assert.Empty(Ended());
    }

    [Fact]
    public async Task Request_OfHeadAndOfAnInventedMethod_AreNamedAsTheConventionsSay()
    {
        await ServeAsync(
            isRecorded: true,
            context =>
            {
                // As the middleware does that serves HEAD as GET.
                context.Request.Method = "GET";
                SetRoute(context);
                return Task.CompletedTask;
            },
            method: "HEAD");
        await ServeAsync(isRecorded: true, context =>
        {
            SetRoute(context);
            return Task.CompletedTask;
        }, method: "BREW");

        Assert.Equal(
            [("HEAD /v1/topics/{topic}", "HEAD", null), ("HTTP /v1/topics/{topic}", "_OTHER", "BREW")],
            Ended().Select(span => (
                span.DisplayName, (string?)span.GetTagItem("http.request.method"), (string?)span.GetTagItem("http.request.method_original"))));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("?", null)]
    [InlineData("?limit=8&after=a%26b", "limit=8&after=a%26b")]
    [InlineData("?from=1&ticket=os_ticket_secret&to=2", "from=1&ticket=REDACTED&to=2")]
    [InlineData("?Ticket=os_secret", "ticket=REDACTED")]
    [InlineData("?%74icket=os_secret&ticket", "ticket=REDACTED&ticket=REDACTED")]
    public async Task Request_WithAQuery_HasItWithoutItsTicket(string query, string? shown)
    {
        await ServeAsync(isRecorded: true, _ => Task.CompletedTask, query: query);

        Assert.Equal(shown, Assert.Single(Ended()).GetTagItem("url.query"));
        Assert.Equal(SignInMiddleware.Ticket, RequestSpanMiddleware.SecretParameter);
    }

    // A follower of a topic leaves when it has seen enough. A client that leaves before it has an answer was sent no status.
    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, null)]
    public async Task Request_WhoseClientLeaves_HasTheStatusThatWasSent_AndNoError(bool hasStarted, int? status)
    {
        await ServeAsync(isRecorded: true, context =>
        {
            context.Features.Set<IHttpResponseFeature>(new Answer { HasStarted = hasStarted });
            context.RequestAborted = new CancellationToken(canceled: true);
            return Task.CompletedTask;
        });

        var span = Assert.Single(Ended());
        Assert.Equal((ActivityStatusCode.Unset, null), (span.Status, span.GetTagItem("error.type")));
        Assert.Equal(status, span.GetTagItem("http.response.status_code"));
    }

    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, null)]
    public async Task Request_WhoseAnswerTheServiceCuts_HasTheStatusThatWasSent_AndAnError(bool hasStarted, int? status)
    {
        // An answer gathers, and nothing of it was sent yet when it fails.
        await ServeAsync(isRecorded: true, context =>
        {
            context.Features.Set<IHttpResponseFeature>(new Answer { HasStarted = hasStarted });
            ServiceCut.Cut(context);
            return Task.CompletedTask;
        });

        var span = Assert.Single(Ended());
        Assert.Equal((ActivityStatusCode.Error, "cut"), (span.Status, span.GetTagItem("error.type")));
        Assert.Equal(status, span.GetTagItem("http.response.status_code"));
    }

    // Else the collector would not know that the trace is recorded.
    [Fact]
    public async Task Request_ThatIsRecordedAgainstItsCallersWish_IsMarked()
    {
        await ServeAsync(
            isRecorded: true,
            _ =>
            {
                Assert.Equal(ActivityTraceFlags.Recorded, Activity.Current!.ActivityTraceFlags);
                return Task.CompletedTask;
            },
            Caller[..^1] + "0");

        Assert.Equal(Caller, $"00-{Assert.Single(Ended()).TraceId}-{Assert.Single(Ended()).ParentSpanId}-01");
    }

    // ASP.NET Core makes such an activity where its own log is on. What is below it would be sent without its parent.
    [Theory]
    [InlineData("/v1/topics")]
    [InlineData("/metrics/kafka")]
    public async Task Request_ThatIsNotRecorded_HasNothingRecordedBelowTheServersActivity(string path)
    {
        using var server = new Activity("Microsoft.AspNetCore.Hosting.HttpRequestIn").SetParentId(Caller).Start();
        Assert.NotNull(StreamTelemetry.Recorded);

        await ServeAsync(isRecorded: false, _ =>
        {
            Assert.Same(server, Activity.Current);
            Assert.Null(StreamTelemetry.Recorded);
            return Task.CompletedTask;
        }, Caller, path);
    }

    [Fact]
    public async Task Request_OfHealth_BeginsNoSpan()
    {
        await ServeAsync(isRecorded: true, _ =>
        {
            Assert.Null(Activity.Current);
            return Task.CompletedTask;
        }, path: "/health/ready");
    }

    [Fact]
    public async Task Request_ThatIsAnsweredWithAServersError_HasIt()
    {
        await ServeAsync(isRecorded: true, context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });

        var span = Assert.Single(Ended());
        Assert.Equal((ActivityStatusCode.Error, "503"), (span.Status, span.GetTagItem("error.type")));
    }

    [Fact]
    public async Task Request_ThatIsBroken_HasTheKindOfItsEnd()
    {
        await Assert.ThrowsAsync<OperationCanceledException>(() => ServeAsync(isRecorded: true, _ => throw new OperationCanceledException()));

        var span = Assert.Single(Ended());
        Assert.Equal((ActivityStatusCode.Error, "System.OperationCanceledException"), (span.Status, span.GetTagItem("error.type")));
    }

    /// <summary>An answer of which the client has got a part.</summary>
    private sealed class Answer : HttpResponseFeature, IHttpResponseFeature
    {
        public new bool HasStarted { get; init; }

        bool IHttpResponseFeature.HasStarted => HasStarted;
    }

    private Activity[] Ended() => [.. _ended.All.Where(span => Equals(span.GetTagItem("url.path"), _path))];

    private static void SetRoute(HttpContext context) => context.SetEndpoint(new RouteEndpoint(
        _ => Task.CompletedTask, RoutePatternFactory.Parse("/v1/topics/{topic}"), order: 0, EndpointMetadataCollection.Empty, displayName: null));

    private Task ServeAsync(bool isRecorded, RequestDelegate serve, string? caller = null, string? path = null, string method = "GET",
        string query = "")
    {
        var context = new DefaultHttpContext();
        var request = context.Request;
        (request.Method, request.Scheme, request.Protocol, request.Path) = (method, "https", "HTTP/1.1", path ?? _path);
        request.Host = new HostString("stream.test", 8080);
        request.QueryString = new QueryString(query);
        context.Connection.RemoteIpAddress = IPAddress.Parse("192.0.2.1");
        request.Headers.UserAgent = "curl/8";
        if (caller is not null)
            request.Headers.TraceParent = caller;
        return new RequestSpanMiddleware(serve, new RequestTraces(new TraceChoice(isRecorded ? 1 : 0, followsCaller: false))).InvokeAsync(context);
    }
}

using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Cli.Connections;

namespace OrleansStream.Tests.CommandLine;

/// <summary>When the command line says that the service does not answer, and that it does again.</summary>
public sealed class ServiceWatchTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Line _line = new();
    private readonly ServiceWatch _watch;
    private readonly HttpMessageInvoker _calls;
    private readonly List<string> _told = [];

    public ServiceWatchTests()
    {
        _watch = new ServiceWatch(_line, _time, _stop.Token) { Changed = reason => _told.Add(reason ?? "back") };
        _calls = new HttpMessageInvoker(_watch);
    }

    public void Dispose()
    {
        _calls.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Failures_AreToldOnceFromTheSecondOn_AndTheirEndOnce()
    {
        await FailAsync("/a", Refused());
        Assert.True(_watch.IsAway);
        Assert.Empty(_told);

        await FailAsync("/a", Refused());
        await FailAsync("/a", Refused());
        await FailAsync("/b", Refused());
        await FailAsync("/b", Refused());
        Assert.Equal(["Connection refused"], _told);

        await AnswerAsync("/a", HttpStatusCode.OK);
        Assert.True(_watch.IsAway);
        await AnswerAsync("/b", HttpStatusCode.NotFound); // an answer, too
        Assert.False(_watch.IsAway);
        Assert.Equal(["Connection refused", "back"], _told);
    }

    [Fact]
    public async Task AConnectionThatOpens_EndsWhatWasWrongWithConnections()
    {
        await FailAsync("/a", Refused());
        await FailAsync("/a", Refused());
        _watch.Connected();
        Assert.Equal(["Connection refused", "back"], _told);

        await AnswerAsync("/a", HttpStatusCode.ServiceUnavailable);
        await AnswerAsync("/a", HttpStatusCode.ServiceUnavailable);
        _watch.Connected();
        Assert.True(_watch.IsAway);
        Assert.Equal("status 503", _told[^1]);
    }

    [Fact]
    public async Task AWaitThatTheCallerEnds_IsAFailureOnlyWhenItWasLong()
    {
        await EndAsync(TimeSpan.FromSeconds(29));
        await EndAsync(TimeSpan.FromSeconds(29));
        Assert.False(_watch.IsAway);

        await EndAsync(TimeSpan.FromSeconds(30));
        await EndAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(["no answer in time"], _told);
    }

    [Fact]
    public async Task WhatEndsWithTheRun_IsNoFailure()
    {
        await _stop.CancelAsync();
        await FailAsync("/a", Refused());
        await FailAsync("/a", Refused());

        Assert.False(_watch.IsAway);
        Assert.Empty(_told);
    }

    private static HttpRequestException Refused() => new("refused", new SocketException((int)SocketError.ConnectionRefused));

    private async Task FailAsync(string path, Exception exception)
    {
        _line.Answer = _ => Task.FromException<HttpResponseMessage>(exception);
        await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(path, CancellationToken.None));
    }

    private async Task AnswerAsync(string path, HttpStatusCode status)
    {
        _line.Answer = _ => Task.FromResult(new HttpResponseMessage(status));
        using var response = await SendAsync(path, CancellationToken.None);
    }

    private async Task EndAsync(TimeSpan waited)
    {
        using var ended = new CancellationTokenSource();
        _line.Answer = async stop =>
        {
            _time.Advance(waited);
            await ended.CancelAsync();
            stop.ThrowIfCancellationRequested();
            return new HttpResponseMessage();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync("/a", ended.Token));
    }

    private async Task<HttpResponseMessage> SendAsync(string path, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri("http://localhost"), path));
        return await _calls.SendAsync(request, stop);
    }

    private sealed class Line : HttpMessageHandler
    {
        public Func<CancellationToken, Task<HttpResponseMessage>> Answer { get; set; } = _ => Task.FromResult(new HttpResponseMessage());

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Answer(cancellationToken);
    }
}

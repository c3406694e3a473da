using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>What happens to one request.</summary>
public enum HttpFault
{
    None,

    /// <summary>The connection breaks before the request arrives.</summary>
    RequestLost,

    /// <summary>The other side resets the connection as soon as it is made. .NET's handler then throws the socket's own exception.</summary>
    ConnectionReset,

    /// <summary>The request takes effect, and the connection breaks before the reply.</summary>
    ReplyLost,

    /// <summary>The request takes effect, and the reply says that the server failed.</summary>
    FailureAfterEffect,

    /// <summary>The account is too busy to take the request.</summary>
    Busy,

    /// <summary>The request takes effect, and no reply comes in time.</summary>
    ReplyTooLate,

    /// <summary>No reply comes until the caller gives up.</summary>
    NoReply,

    /// <summary>The reply breaks off in the middle of its body.</summary>
    ReplyCutOff,

    /// <summary>Of the part of a blob that is asked for only the first half comes, and the reply says so.</summary>
    ReplyShort,
}

/// <summary>A way to a real blob service on which requests and replies get lost as a test wants it.</summary>
internal sealed class FaultyHttpHandler() : DelegatingHandler(new SocketsHttpHandler())
{
    private int _requestCount;

    /// <summary>Decides about each request, given its number.</summary>
    public Func<HttpRequestMessage, int, HttpFault> OnRequest { get; set; } = (_, _) => HttpFault.None;

    /// <summary>Answers in the service's place; null lets the request pass.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage?>? Answer { get; set; }

    public int RequestCount => _requestCount;

    /// <summary>A reply as the service gives it for an error.</summary>
    public static HttpResponseMessage Error(HttpStatusCode status, string code, TimeSpan? retryAfter = null)
    {
        var response = new HttpResponseMessage(status)
        {
            Content = new StringContent(
                $"<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>",
                Encoding.UTF8,
                "application/xml"),
        };
        response.Headers.Add("x-ms-error-code", code);
        if (retryAfter is { } wait)
            response.Headers.Add("Retry-After", $"{wait.TotalSeconds}");
        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var fault = OnRequest(request, Interlocked.Increment(ref _requestCount));
        if (fault == HttpFault.RequestLost)
            throw new HttpRequestException("Injected: the request is lost.");
        if (fault == HttpFault.ConnectionReset)
            throw new SocketException((int)SocketError.NotConnected);
        if (fault == HttpFault.NoReply)
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        if (fault == HttpFault.Busy)
            return Error(HttpStatusCode.ServiceUnavailable, "ServerBusy", TimeSpan.Zero);
        var response = Answer?.Invoke(request) ?? await base.SendAsync(request, cancellationToken);
        switch (fault)
        {
            case HttpFault.ReplyLost:
                throw new HttpRequestException("Injected: the reply is lost.", new IOException("Connection reset by peer"));
            case HttpFault.ReplyTooLate:
                throw new TaskCanceledException("Injected: the reply takes too long.");
            case HttpFault.FailureAfterEffect:
                return Error(HttpStatusCode.InternalServerError, "InternalError");
            case HttpFault.ReplyCutOff:
                return await CutOffAsync(response, cancellationToken);
            case HttpFault.ReplyShort when response.StatusCode == HttpStatusCode.PartialContent:
                return await ShortenAsync(response, cancellationToken);
            default:
                return response;
        }
    }

    private static async Task<HttpResponseMessage> CutOffAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        var content = new StreamContent(new BrokenStream(bytes[..(bytes.Length / 2)]));
        foreach (var header in response.Content.Headers)
            content.Headers.TryAddWithoutValidation(header.Key, header.Value);
        response.Content = content;
        return response;
    }

    private static async Task<HttpResponseMessage> ShortenAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        var content = new ByteArrayContent(bytes[..((bytes.Length + 1) / 2)]);
        var range = response.Content.Headers.ContentRange!;
        foreach (var header in response.Content.Headers.Where(header => header.Key is not ("Content-Length" or "Content-Range")))
            content.Headers.TryAddWithoutValidation(header.Key, header.Value);
        content.Headers.ContentRange = new ContentRangeHeaderValue(
            range.From!.Value, range.From.Value + content.Headers.ContentLength!.Value - 1, range.Length!.Value);
        response.Content = content;
        return response;
    }

    private sealed class BrokenStream(byte[] bytes) : Stream
    {
        private int _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_position == bytes.Length)
                throw new IOException("Injected: the reply breaks off.");
            var length = Math.Min(count, bytes.Length - _position);
            bytes.AsSpan(_position, length).CopyTo(buffer.AsSpan(offset));
            _position += length;
            return length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

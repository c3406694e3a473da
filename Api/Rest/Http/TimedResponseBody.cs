using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;

namespace OrleansStream.Rest.Http;

/// <summary>The body of an answer. It cuts the connection when a write does not end within <see cref="HttpLimits.AnswerWriteMax"/>.</summary>
/// <remarks>
/// While more than half of the node's memory for answers is taken, it also cuts a reader that takes less than
/// <see cref="HttpLimits.AnswerBytesPerWaitWhenHalfTaken"/> in as long a time that writes waited, because many such readers together would leave no
/// memory for others.
/// </remarks>
/// <param name="context">The request.</param>
/// <param name="body">The server's own body.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="time">Times the writes.</param>
/// <param name="logger">Logs cut connections.</param>
internal sealed partial class TimedResponseBody(HttpContext context, IHttpResponseBodyFeature body, NodeAnswers node, TimeProvider time,
    ILogger logger)
    : PipeWriter, IHttpResponseBodyFeature
{
    // A connection that has an entry has taken its last long write quickly.
    private static readonly object QuickReader = new();
    private readonly PipeWriter _writer = body.Writer;
    private Stream? _stream;
    private TimeSpan _waited;
    private long _waitedBytes;

    /// <inheritdoc/>
    public PipeWriter Writer => this;

    /// <inheritdoc/>
    public Stream Stream => _stream ??= AsStream(leaveOpen: true);

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => _writer.CanGetUnflushedBytes;

    /// <inheritdoc/>
    public override long UnflushedBytes => _writer.UnflushedBytes;

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => _writer.GetMemory(sizeHint);

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => _writer.GetSpan(sizeHint);

    /// <inheritdoc/>
    public override void Advance(int bytes) => _writer.Advance(bytes);

    /// <inheritdoc/>
    public override void CancelPendingFlush() => _writer.CancelPendingFlush();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => _writer.Complete(exception);

    /// <inheritdoc/>
    public override ValueTask CompleteAsync(Exception? exception = null) => _writer.CompleteAsync(exception);

    /// <inheritdoc/>
    public void DisableBuffering() => body.DisableBuffering();

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken = default) => body.StartAsync(cancellationToken);

    /// <inheritdoc/>
    public Task CompleteAsync() => body.CompleteAsync();

    /// <inheritdoc/>
    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        var length = CanGetUnflushedBytes ? UnflushedBytes : 0;
        var write = _writer.FlushAsync(cancellationToken);
        return write.IsCompleted ? write : TimeAsync(write, length);
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (source.Length > HttpLimits.AnswerWriteBytes)
            return WritePartsAsync(source, cancellationToken);
        return WritePartAsync(source, cancellationToken);
    }

    private ValueTask<FlushResult> WritePartAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        var write = _writer.WriteAsync(source, cancellationToken);
        return write.IsCompleted ? write : TimeAsync(write, source.Length);
    }

    private async ValueTask<FlushResult> WritePartsAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        // The requests of an HTTP/2 connection run at the same time, and its items are for one thread.
        var connection = HttpProtocol.IsHttp11(context.Request.Protocol) ? context.Features.Get<IConnectionItemsFeature>()?.Items : null;
        while (true)
        {
            // Each write wakes the reader, which costs more than to copy what it brings.
            var isQuick = connection?.ContainsKey(QuickReader) == true;
            var part = source[..Math.Min(source.Length, isQuick ? HttpLimits.QuickAnswerWriteBytes : HttpLimits.AnswerWriteBytes)];
            var begun = time.GetTimestamp();
            var result = await WritePartAsync(part, cancellationToken);
            // A short part fits into what the connection holds, and says nothing of its reader.
            if (part.Length >= HttpLimits.AnswerWriteBytes)
                Remember(connection, time.GetElapsedTime(begun));
            source = source[part.Length..];
            if (source.IsEmpty || result.IsCompleted || result.IsCanceled)
                return result;
        }
    }

    private static void Remember(IDictionary<object, object?>? connection, TimeSpan taken)
    {
        if (taken > HttpLimits.QuickAnswerWriteMax)
            connection?.Remove(QuickReader);
        else
            connection?[QuickReader] = null;
    }

    private async ValueTask<FlushResult> TimeAsync(ValueTask<FlushResult> write, long length)
    {
        var begun = time.GetTimestamp();
        var parts = Math.Max(1, (length + HttpLimits.AnswerWriteBytes - 1) / HttpLimits.AnswerWriteBytes);
        await using var timer = time.CreateTimer(
            static body => ((TimedResponseBody)body!).Cut(), this, HttpLimits.AnswerWriteMax * parts, Timeout.InfiniteTimeSpan);
        var result = await write;
        Judge(time.GetElapsedTime(begun), length);
        return result;
    }

    private void Judge(TimeSpan waited, long length)
    {
        _waited += waited;
        _waitedBytes += length;
        if (_waited < HttpLimits.AnswerWriteMax)
            return;
        // Compares bytes per second and not bytes, because one write may have waited much longer than AnswerWriteMax.
        var paceMin = HttpLimits.AnswerBytesPerWaitWhenHalfTaken / HttpLimits.AnswerWriteMax.TotalSeconds;
        if (node.IsHalfTaken && _waitedBytes / _waited.TotalSeconds < paceMin)
            Cut();
        (_waited, _waitedBytes) = (TimeSpan.Zero, 0);
    }

    private void Cut()
    {
        LogCut(logger, context.Request.Method, context.Request.Path);
        ServiceCut.Cut(context);
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "{Method} {Path}: the reader stands still or is too slow for what it holds; the connection is cut")]
    private static partial void LogCut(ILogger logger, string method, PathString path);
}

using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace OrleansStream.Rest.Http;

/// <summary>The body of an answer. It cuts the connection when a write does not come to its end in <see cref="HttpLimits.AnswerWriteMax"/>.</summary>
/// <param name="context">The request.</param>
/// <param name="body">The server's own body.</param>
/// <param name="time">Times the writes.</param>
/// <param name="logger">Where a cut connection is told.</param>
internal sealed partial class TimedResponseBody(HttpContext context, IHttpResponseBodyFeature body, TimeProvider time, ILogger logger)
    : PipeWriter, IHttpResponseBodyFeature
{
    private readonly PipeWriter _writer = body.Writer;
    private Stream? _stream;

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
        var write = _writer.WriteAsync(source, cancellationToken);
        return write.IsCompleted ? write : TimeAsync(write, source.Length);
    }

    private async ValueTask<FlushResult> WritePartsAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        while (true)
        {
            var part = source[..Math.Min(source.Length, HttpLimits.AnswerWriteBytes)];
            var result = await WriteAsync(part, cancellationToken);
            source = source[part.Length..];
            if (source.IsEmpty || result.IsCompleted || result.IsCanceled)
                return result;
        }
    }

    private async ValueTask<FlushResult> TimeAsync(ValueTask<FlushResult> write, long length)
    {
        var parts = Math.Max(1, (length + HttpLimits.AnswerWriteBytes - 1) / HttpLimits.AnswerWriteBytes);
        await using var timer = time.CreateTimer(
            static body => ((TimedResponseBody)body!).Cut(), this, HttpLimits.AnswerWriteMax * parts, Timeout.InfiniteTimeSpan);
        return await write;
    }

    private void Cut()
    {
        LogCut(logger, context.Request.Method, context.Request.Path, (int)HttpLimits.AnswerWriteMax.TotalSeconds);
        context.Abort();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path}: the reader has taken nothing of the answer for {Seconds} s; the connection is cut")]
    private static partial void LogCut(ILogger logger, string method, PathString path, int seconds);
}

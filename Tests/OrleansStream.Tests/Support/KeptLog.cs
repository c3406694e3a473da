using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace OrleansStream.Tests.Support;

/// <summary>A log that keeps what it is told.</summary>
internal sealed class KeptLog : ILogger
{
    private readonly ConcurrentQueue<LogLine> _lines = new();

    public IReadOnlyCollection<LogLine> Lines => _lines;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue(new LogLine(logLevel, formatter(state, exception), exception));
}

/// <summary>One line of a log.</summary>
internal sealed record LogLine(LogLevel Level, string Text, Exception? Exception);

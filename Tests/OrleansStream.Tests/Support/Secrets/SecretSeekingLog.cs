using Microsoft.Extensions.Logging;

namespace OrleansStream.Tests.Support.Secrets;

/// <summary>A log that keeps nothing, and has each line looked at.</summary>
/// <param name="finder">Looks at the lines.</param>
internal sealed class SecretSeekingLog(SecretFinder finder) : ILoggerProvider, ILogger
{
    /// <summary>The kind of text.</summary>
    public const string Kind = "log";

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        finder.See(Kind, state.ToString());
        return null;
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        finder.See(Kind, exception is null ? formatter(state, exception) : $"{formatter(state, exception)} {exception}");

    public void Dispose()
    {
    }
}

namespace OrleansStream.Cli.Terminal;

/// <summary>Whoever reads the output has had enough, as <c>head</c> does. It is no fault.</summary>
/// <param name="innerException">What the write threw.</param>
internal sealed class OutputClosedException(Exception innerException) : Exception("The output is closed.", innerException);

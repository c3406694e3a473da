namespace OrleansStream.Cli.Profiles;

/// <summary>A profile or a file that was named is not there.</summary>
/// <param name="message">Which one, and what to do.</param>
internal sealed class NotFoundException(string message) : Exception(message);

namespace OrleansStream.Cli.Profiles;

/// <summary>The command line names a profile or a file that does not exist.</summary>
/// <param name="message">Which one, and what to do.</param>
internal sealed class NotFoundException(string message) : Exception(message);

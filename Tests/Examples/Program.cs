using OrleansStream.Client;
using OrleansStream.Client.Connections;

namespace OrleansStream.Examples;

/// <summary>
/// Plays one of the stories against a service: <c>dotnet run --project Tests/Examples -- crawler http://localhost:8080</c>.
/// </summary>
internal static class Program
{
    private const string DefaultAddress = "http://localhost:8080";
    private const int Failed = 1, WrongUsage = 64, Interrupted = 130;

    private static async Task<int> Main(string[] arguments)
    {
        if (arguments.Length is 0 or > 2 || !Stories.All.TryGetValue(arguments[0], out var story))
        {
            await Console.Error.WriteLineAsync($"Usage: dotnet run --project Tests/Examples -- STORY [ADDRESS]\nStories: {string.Join(", ", Stories.All.Keys)}. Address: {DefaultAddress} unless another is given.");
            return WrongUsage;
        }

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        try
        {
            await using var client = new OrleansStreamClient(arguments.Length > 1 ? arguments[1] : DefaultAddress);
            await story(client, Console.Out, stop.Token);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Interrupted;
        }
        catch (Exception exception) when (exception is StreamServiceException or ArgumentException)
        {
            // The service refuses, or nobody answers; or the address is none.
            await Console.Error.WriteLineAsync(exception.Message);
            return Failed;
        }
    }
}

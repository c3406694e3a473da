namespace OrleansStream.Cli.Terminal;

/// <summary>Asks before something is gone for good: the name is typed, so that no habit of the hand says yes.</summary>
internal static class Confirmation
{
    /// <summary>Asks on standard error, and waits for a line.</summary>
    /// <param name="screen">The terminal, if there is one.</param>
    /// <param name="what">What will happen, such as <c>deletes the topic with all its records</c>.</param>
    /// <param name="name">What is to be typed.</param>
    /// <param name="stop">Ends the wait for an answer.</param>
    /// <returns>True when it was typed; null where nobody can be asked.</returns>
    public static async Task<bool?> AskAsync(Screen screen, string what, string name, CancellationToken stop)
    {
        if (!screen.CanAsk)
            return null;
        screen.Messages.Write($"This {what}. Type its name, {name}, to go on: ");
        // The console cannot be told to stop reading, so Ctrl-C leaves that read behind.
        return await Task.Run(Console.ReadLine, CancellationToken.None).WaitAsync(stop) == name;
    }
}

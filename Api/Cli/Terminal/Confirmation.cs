namespace OrleansStream.Cli.Terminal;

/// <summary>Asks before something is gone for good: the name is typed, so that no habit of the hand says yes.</summary>
internal static class Confirmation
{
    /// <summary>Asks.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="what">What will happen, such as <c>deletes the topic with all its records</c>.</param>
    /// <param name="name">What is to be typed.</param>
    /// <returns>True when it was typed; null where nobody can be asked.</returns>
    public static bool? Ask(Screen screen, string what, string name)
    {
        if (!screen.CanAsk)
            return null;
        screen.Messages.Write($"This {what}. Type its name, {name}, to go on: ");
        return Console.ReadLine() == name;
    }
}

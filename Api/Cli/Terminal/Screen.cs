using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace OrleansStream.Cli.Terminal;

/// <summary>
/// Where results, messages and questions go. Results go to standard output and nothing else does; messages, progress and questions go to standard
/// error. Only a terminal gets colours and progress, and only a terminal is asked.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The streams are the process's.")]
internal sealed class Screen
{
    private const int BufferBytes = 64 * 1024;

    private readonly Lazy<IAnsiConsole> _output;
    private readonly Lazy<IAnsiConsole> _errors;
    private readonly BufferedStream _buffer;

    private Screen(Stream output, Func<string, string?> variable)
    {
        _buffer = new BufferedStream(output, BufferBytes);
        Results = new StreamWriter(_buffer, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true, NewLine = "\n" };
        var isDumb = variable("TERM") == "dumb";
        HasColors = string.IsNullOrEmpty(variable("NO_COLOR")) && !isDumb;
        IsOutputTerminal = !Console.IsOutputRedirected;
        CanDraw = !Console.IsErrorRedirected && !isDumb;
        CanDrawResults = IsOutputTerminal && !isDumb;
        CanAsk = !Console.IsInputRedirected && !Console.IsErrorRedirected;
        _output = new Lazy<IAnsiConsole>(() => Make(new AnsiConsoleOutput(Console.Out), CanDrawResults));
        _errors = new Lazy<IAnsiConsole>(() => Make(new AnsiConsoleOutput(Console.Error), CanDraw));
    }

    /// <summary>Standard output. It is buffered: <see cref="Flush"/> sends what is written.</summary>
    public Stream Output => _buffer;

    /// <summary>Standard output as text. Lines end with a line feed everywhere.</summary>
    public TextWriter Results { get; }

    /// <summary>True to tell what is no result as JSON, too: standard error then has an object a line.</summary>
    public bool IsJson { get; set; }

    /// <summary>True while progress is drawn on standard error.</summary>
    public bool IsDrawing { get; set; }

    /// <summary>Standard error: notes, questions and errors, but no results.</summary>
    public TextWriter Messages { get; } = Console.Error;

    /// <summary>True when the output is for the eyes of a person.</summary>
    public bool IsOutputTerminal { get; }

    /// <summary>False where the person, or the terminal, wants none.</summary>
    public bool HasColors { get; }

    /// <summary>True when standard error is a terminal that can draw a line anew.</summary>
    public bool CanDraw { get; }

    /// <summary>True when standard output is a terminal that can draw a line anew.</summary>
    public bool CanDrawResults { get; }

    /// <summary>True when there is somebody to answer a question.</summary>
    public bool CanAsk { get; }

    /// <summary>True when standard input is a terminal.</summary>
    public bool IsInputTyped { get; } = !Console.IsInputRedirected;

    /// <summary>Draws on standard output. It is opened at its first use.</summary>
    public IAnsiConsole Drawing => _output.Value;

    /// <summary>Draws on standard error. It is opened at its first use.</summary>
    public IAnsiConsole Side => _errors.Value;

    /// <summary>Opens the process's own streams.</summary>
    public static Screen Open() => new(OutputStream.Open(), Environment.GetEnvironmentVariable);

    /// <summary>Sends what was written to standard output.</summary>
    /// <exception cref="OutputClosedException">Nobody reads.</exception>
    public void Flush() => _buffer.Flush();

    /// <summary>Tells something that is no result, with <see cref="IsJson"/> as an object with a <c>note</c>.</summary>
    /// <param name="message">A sentence.</param>
    public void Tell(string message) => WriteMessage(IsJson ? JsonLines.Text(json => json.WriteString("note", message)) : message);

    /// <summary>Tells why a run failed, with <see cref="IsJson"/> as an object with an <c>error</c>.</summary>
    /// <param name="error">The error's fields.</param>
    /// <param name="lines">The same for people.</param>
    public void TellError(Action<Utf8JsonWriter> error, params IEnumerable<string> lines)
    {
        if (IsJson)
        {
            WriteMessage(JsonLines.Text(json =>
            {
                json.WriteStartObject("error");
                error(json);
                json.WriteEndObject();
            }));
            return;
        }

        foreach (var line in lines)
            WriteMessage(line);
    }

    // A progress bar is drawn again below the message.
    private void WriteMessage(string message)
    {
        if (IsDrawing)
            Side.WriteLine(message);
        else
            Messages.WriteLine(message);
    }

    /// <summary>Gives a text a style, where there are colours.</summary>
    /// <param name="text">A text of at most one line.</param>
    /// <param name="style">The style as an SGR parameter, such as <c>1</c> for bold.</param>
    public string Styled(string text, string style) => HasColors && CanDrawResults ? $"\e[{style}m{text}\e[0m" : text;

    private IAnsiConsole Make(IAnsiConsoleOutput output, bool canDraw) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = canDraw ? AnsiSupport.Yes : AnsiSupport.No,
        ColorSystem = canDraw && HasColors ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
        Interactive = canDraw ? InteractionSupport.Yes : InteractionSupport.No,
        Out = output,
    });
}

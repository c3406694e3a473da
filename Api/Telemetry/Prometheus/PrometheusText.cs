using System.Globalization;
using System.Text;

namespace OrleansStream.Telemetry.Prometheus;

/// <summary>Writes gauges in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class PrometheusText
{
    /// <summary>The media type of the format.</summary>
    public const string MediaType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();
    private readonly int _seriesMax;
    private string _name = "";
    private int _seriesCount;

    /// <summary>Begins a text.</summary>
    /// <param name="seriesMax">The most series of one metric; the others are left out.</param>
    public PrometheusText(int seriesMax) => _seriesMax = seriesMax;

    /// <summary>How many series were left out.</summary>
    public int LeftOutCount { get; private set; }

    /// <summary>Begins a metric.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="help">What it says, without line ends.</param>
    public void Begin(string name, string help)
    {
        (_name, _seriesCount) = (name, 0);
        _text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(" gauge\n");
    }

    /// <summary>Writes a value of the metric.</summary>
    /// <param name="value">The value.</param>
    /// <param name="labels">Its labels; one without a value is as good as missing, and is left out.</param>
    public void Write(double value, params ReadOnlySpan<(string Name, string? Value)> labels)
    {
        if (++_seriesCount > _seriesMax)
        {
            LeftOutCount++;
            return;
        }

        _text.Append(_name);
        var separator = '{';
        foreach (var (name, label) in labels)
        {
            if (string.IsNullOrEmpty(label))
                continue;
            _text.Append(separator).Append(name).Append("=\"");
            Escape(label);
            _text.Append('"');
            separator = ',';
        }

        if (separator == ',')
            _text.Append('}');
        _text.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }

    /// <summary>The text, in UTF-8.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(_text.ToString());

    private void Escape(string value)
    {
        foreach (var c in value)
        {
            _ = c switch
            {
                '\\' => _text.Append("\\\\"),
                '"' => _text.Append("\\\""),
                '\n' => _text.Append("\\n"),
                _ => _text.Append(c),
            };
        }
    }
}
